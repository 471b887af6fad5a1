"""Over-the-air updates: verified downloads, two slots, a trial of each new version, and the way back."""
