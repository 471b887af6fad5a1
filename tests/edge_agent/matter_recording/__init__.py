"""Records exchanges with a real python-matter-server; run by record.sh, not by the tests."""
