"""Telling subscribers of changes: an outbox in the database, webhooks, and MQTT topics."""
