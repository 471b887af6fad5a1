"""Shells that carry the link's messages: WebSocket, or HTTPS POST for constrained hubs."""
