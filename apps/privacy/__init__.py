"""What is stored on a home: a copy of it for its household, and its end."""
