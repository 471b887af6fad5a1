"""The link between hub and cloud: message types, codec and both ends' state machines, without I/O."""
