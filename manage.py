"""Django's command line; without DATABASE_URL it talks to the platform that runs from this folder.

ORES_RUN=demo talks to the demo instead of `make run`.
"""

import os
import sys

from ores_cloud.local import local_environment


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")
    for name, value in local_environment(os.environ.get("ORES_RUN") or "run").items():
        os.environ.setdefault(name, value)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
