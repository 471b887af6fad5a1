"""OpenADR 2.0b without I/O: vocabulary, an event's status, reading of messages, the VEN's machine."""
