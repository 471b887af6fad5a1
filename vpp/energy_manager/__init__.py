"""A home's energy manager without I/O: what its resources can do, what is decided, and how they are told, in S2's words."""
