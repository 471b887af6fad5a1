"""Homeowners' web portal."""
