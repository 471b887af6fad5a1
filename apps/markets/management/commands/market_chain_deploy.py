"""Put the market's contract on the chain of the settings; the key that signs becomes its operator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.markets.chain.contract import EnergyMarket, node_from_settings


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--shortest-escrow-s",
            type=int,
            default=7 * 86400,
            help="how long a deposit is put aside at least",
        )
        parser.add_argument(
            "--certificate-period-s", type=int, default=86400, help="length of a certificate's period"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            market = EnergyMarket.deploy(
                node_from_settings(),
                shortest_escrow_s=options["shortest_escrow_s"],
                certificate_period_s=options["certificate_period_s"],
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"MARKET_CHAIN_CONTRACT={market.deployment.contract}")
