"""Hub enrollment by claim code, credentials, the link, instructions and their states."""
