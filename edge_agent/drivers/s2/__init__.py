"""Resource managers of other makers, over WebSocket."""
