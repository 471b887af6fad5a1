"""OpenADR 3.1.0: wire types, one file per object, and its timing rules."""
