"""Home Assistant: its entities as devices of the hub, and the hub's values as its entities."""
