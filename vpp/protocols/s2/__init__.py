"""S2 (EN 50491-12-2) between a customer energy manager and resource managers: codec, sessions and held state, without I/O."""
