"""Conditions that operators must know of, messages to households, calls to partners; knows none of what raises them."""
