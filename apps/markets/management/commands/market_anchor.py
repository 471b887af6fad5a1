"""Anchor sealed roots that the chain does not have yet, or compare what it has with the log."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.selectors import organization_by_slug
from apps.common.errors import DomainError
from apps.markets.chain.anchoring import anchor_unsent, check_anchored
from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.log_roots import LogRoots
from apps.markets.chain.roots import FileRoots, SealedRoots


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--roots", type=Path, help="file of sealed roots, one JSON object a line")
        source.add_argument("--organization", help="slug of the organization whose log is anchored")
        parser.add_argument(
            "--check", action="store_true", help="anchor nothing; compare all that is anchored"
        )
        parser.add_argument("--limit", type=int, default=100, help="how many roots at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit is at least 1")
        try:
            roots = _source(options)
            market = EnergyMarket.from_settings()
            if options["check"]:
                count = check_anchored(market, roots, limit=options["limit"])
                self.stdout.write(f"{count} anchored batches agree with the log")
                return
            sent = anchor_unsent(market, roots, limit=options["limit"])
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"anchored {len(sent)}, next is {market.next_sequence()}")


def _source(options: dict[str, Any]) -> SealedRoots:
    if options["roots"] is not None:
        return FileRoots(options["roots"])
    organization = organization_by_slug(slug=options["organization"])
    if organization is None:
        raise CommandError("no such organization")
    return LogRoots(organization)
