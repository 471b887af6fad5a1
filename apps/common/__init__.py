"""Errors and problem handler, clock, live bus, page security; no business nouns."""
