"""Calls from the platform to addresses that others chose: checked, to one address, with limits."""
