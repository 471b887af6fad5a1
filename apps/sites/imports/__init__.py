"""Bulk import of sites and resources."""
