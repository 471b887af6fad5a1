"""Operators' pages about OpenADR, within the console: events, composer, programs' rules, VENs, credentials, messages."""
