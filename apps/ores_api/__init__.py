"""The ORES endpoints in the cloud: the same requests and answers as on a hub (vpp.protocols.ores)."""
