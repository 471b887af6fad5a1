"""Matter energy devices, through a running python-matter-server."""
