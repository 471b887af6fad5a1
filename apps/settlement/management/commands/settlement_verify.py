"""`manage.py settlement_verify`: compute every stored settlement again and compare."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.settlement.selectors import runs_of_everyone
from apps.settlement.verify import run_verify


class Command(BaseCommand):
    help = "Compute every settlement from its stored inputs; fails where a hash, a line or an amount differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", default="", help="slug; without it all organizations")
        parser.add_argument("--run", type=int, help="number of one run")

    def handle(self, *, organization: str, run: int | None, **options: Any) -> None:
        """Print what differs, a line each."""
        checked = unknown = wrong = 0
        for one in runs_of_everyone(slug=organization, run_id=run).iterator():
            found = run_verify(run=one)
            checked, unknown = checked + found.checked, unknown + (not found.checked)
            wrong += bool(found.differences)
            for difference in found.differences:
                self.stdout.write(f"run {one.pk} (version {one.version} of {one.signal_id}): {difference}")
        self.stdout.write(
            f"{checked} runs computed again, {wrong} differ; {unknown} were made before inputs were kept"
        )
        if wrong:
            raise CommandError(f"{wrong} settlement runs do not follow from their stored inputs")
        if run is not None and not checked + unknown:
            raise CommandError(f"there is no run {run}")
