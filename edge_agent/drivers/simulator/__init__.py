"""Simulated homes and devices, with physics."""
