"""Connect the platform, as a VEN, to a utility's VTN. A secret comes from UTILITY_SECRET, never from the command line."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Organization
from apps.common import clock
from apps.common.errors import DomainError
from apps.openadr.ven2b import connections as connections_2b
from apps.openadr.ven3 import connections as connections_3
from apps.programs.models import Program


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--protocol", required=True, choices=["2.0b", "3.0.1", "3.1.0"])
        parser.add_argument("--organization", required=True, help="slug of the tenant")
        parser.add_argument(
            "--program",
            help="our program that the utility's events are for; 3.x: one per program of theirs if left out",
        )
        parser.add_argument("--name", required=True, help="our venName")
        parser.add_argument("--url", required=True)
        parser.add_argument(
            "--client-id", default="", help="3.x: our OAuth2 client; its secret is UTILITY_SECRET"
        )
        parser.add_argument(
            "--transport",
            default="poll",
            choices=["poll", "webhook", "mqtt"],
            help="3.1: how we hear of changes",
        )
        parser.add_argument("--certificate", type=Path, help="2.0b: PEM file of our certificate")
        parser.add_argument("--key", type=Path, help="2.0b: PEM file of its key, kept encrypted")
        parser.add_argument("--ca", type=Path, help="2.0b: PEM file of whom we trust to be the VTN")
        parser.add_argument(
            "--level-kw", type=float, nargs="*", default=[], help="2.0b: what SIMPLE levels 1, 2, 3 ask for"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"there is no organization {options['organization']!r}")
        if options["protocol"] == "2.0b" and not options["program"]:
            raise CommandError("2.0b needs --program: a connection is for one program of ours")
        program = Program.objects.filter(organization=organization, name=options["program"]).first()
        if program is None and options["program"]:
            raise CommandError(f"there is no program {options['program']!r}")
        try:
            made = self._connect(organization, program, options=options)
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"connected: {made}")

    def _connect(
        self, organization: Organization, program: Program | None, *, options: dict[str, Any]
    ) -> Any:
        known = {"name": options["name"], "url": options["url"], "now": clock.now()}
        if options["protocol"] != "2.0b":
            return connections_3.connection_create(
                organization=organization, program=program, version=options["protocol"], client_id=options["client_id"],
                client_secret=os.environ.get("UTILITY_SECRET", ""), transport=options["transport"], **known,
            )  # fmt: skip
        assert program is not None
        files = {
            name: options[name].read_text() if options[name] else "" for name in ("certificate", "key", "ca")
        }
        return connections_2b.connection_create(
            program=program, certificate_pem=files["certificate"], key_pem=files["key"], ca_pem=files["ca"],
            level_kw=options["level_kw"], **known,
        )  # fmt: skip
