"""What a home would have drawn without the event, one method a file."""
