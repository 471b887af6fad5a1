"""The hub link's transport shells round vpp.protocols.link.cloud: WebSocket and POST, plain ASGI."""
