"""Let a VEN of OpenADR 2.0b in, before it registers; its venID is printed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Organization
from apps.common import clock
from apps.openadr.vtn2b.vens import VenTakenError, ven_create
from apps.sites.models import Site


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="slug of the tenant")
        parser.add_argument("--vtn-id", default="ores-vtn")
        parser.add_argument("--name", required=True, help="the venName it registers with")
        parser.add_argument("--ven-id", default="", help="chosen here if left out")
        parser.add_argument("--fingerprint", default="", help="of its certificate: ten pairs of digits")
        parser.add_argument(
            "--common-name", default="", help="of its certificate, instead of the fingerprint"
        )
        parser.add_argument("--target", action="append", default=[], help="may be given several times")
        parser.add_argument("--site", type=int, help="the home that its opt-outs count for")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"there is no organization {options['organization']!r}")
        site = Site.objects.filter(pk=options["site"], organization=organization).first()
        if options["site"] is not None and site is None:
            raise CommandError(f"there is no home {options['site']}")
        try:
            ven = ven_create(
                organization=organization, vtn_id=options["vtn_id"], name=options["name"], ven_id=options["ven_id"],
                fingerprint=options["fingerprint"].upper(), common_name=options["common_name"],
                targets=options["target"], site=site, now=clock.now(),
            )  # fmt: skip
        except VenTakenError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"ven_id={ven.ven_id}")
