"""The signed repository that hubs update themselves from: building archives, keys, metadata."""
