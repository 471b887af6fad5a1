"""Resource managers: every device of the home presents itself to the energy manager in S2's words."""
