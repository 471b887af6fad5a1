"""Devices that were found: proposed to the owner, joined and removed at the owner's word."""
