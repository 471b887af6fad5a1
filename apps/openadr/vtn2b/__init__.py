"""The 2.0b VTN: one process per identity and organization, all its state in PostgreSQL."""
