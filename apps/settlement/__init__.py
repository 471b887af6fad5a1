"""Delivered energy, statements, payments."""
