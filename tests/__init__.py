"""Tests mirror the tree; tests/benchmarks measures."""
