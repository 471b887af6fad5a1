"""The platform as a VEN of utilities' 2.0b servers: one process for all connections."""
