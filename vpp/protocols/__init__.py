"""Wire types and sans-I/O state machines, one package a protocol."""
