"""Generate a Python client of the REST API from its description: `make client`. What comes out is not committed."""

import json
import os
import subprocess
import sys
from pathlib import Path

CONFIGURATION = Path(__file__).parent / "api_client.yaml"
# The description is made from the code; no database is asked.
UNUSED = {"SECRET_KEY": "unused", "DATABASE_URL": "postgresql:///unused", "REDIS_URL": "redis://127.0.0.1"}


def main(folder: Path) -> None:
    """Write the description and the client `ores_cloud_client` below `folder`."""
    for name, value in UNUSED.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")
    import django

    django.setup()
    from apps.common.rest.schema import description as described

    folder.mkdir(parents=True, exist_ok=True)
    description = folder / "openapi.json"
    description.write_text(json.dumps(described(), default=str))
    generate(description, folder=folder)


def generate(description: Path, *, folder: Path) -> None:
    """Let the generator write the package."""
    made = folder / "ores_cloud_client"
    subprocess.run(
        [
            str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--path", str(description),
            "--meta", "none", "--config", str(CONFIGURATION), "--output-path", str(made), "--overwrite",
        ],
        check=True,
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
