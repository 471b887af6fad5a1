"""What only a hub can decide: of its own clock, files, frequency and grid. They run in a fixed order with those of vpp."""
