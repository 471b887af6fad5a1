"""Faults and ageing found in what resources report, with the data behind each finding."""
