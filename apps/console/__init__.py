"""Operators' web console."""
