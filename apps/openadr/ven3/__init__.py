"""The platform as a VEN of utilities' 3.x servers: one process for all connections."""
