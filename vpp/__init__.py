"""The energy library: pure functions and types, no Django, no I/O, no clock."""
