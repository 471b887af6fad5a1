"""What the platform noticed about a home, with the numbers behind it."""
