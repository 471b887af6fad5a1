"""Measurements in, latest state, rollups, retention; the only app that touches its tables."""
