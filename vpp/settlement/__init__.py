"""From meter readings to payments."""
