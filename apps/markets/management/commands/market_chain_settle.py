"""Settle a tenant's markets on the chain: seal, anchor, pay trades out, mint certificates, give deposits back."""

import dataclasses
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.selectors import organization_by_slug
from apps.common import clock
from apps.common.errors import DomainError
from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.settling import chain_settle


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="slug of the organization")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_by_slug(slug=options["organization"])
        if organization is None:
            raise CommandError("no such organization")
        try:
            done = chain_settle(
                organization=organization, market=EnergyMarket.from_settings(), now=clock.now()
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(", ".join(f"{name} {count}" for name, count in dataclasses.asdict(done).items()))
