"""Run `openadr_mdns` and look for it with the public client; print what that found. In a network namespace of its own."""

import json
import subprocess
import sys

from openadr3_client import discovery

COMMAND = ["manage.py", "openadr_mdns", "--address", "127.0.0.1", "--port", "8000"]
FIELDS = ("port", "version", "base_path", "requires_auth", "local_url", "program_names", "openapi_url")


def main() -> None:
    """Print one JSON line."""
    server = subprocess.Popen([sys.executable, *COMMAND], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None and "told the network" in server.stdout.readline()
        (found,) = discovery.discover_vtns(timeout=3.0)
        print(json.dumps({name: getattr(found, name) for name in FIELDS}))
    finally:
        server.terminate()
        server.wait(timeout=20)


main()
