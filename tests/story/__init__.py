"""Whole stories: one process, a passed clock, simulated homes on the real link."""
