"""Make an app that people can let into their homes; its secret is printed once and kept only as a hash."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.errors import AppInvalidError
from apps.accounts.models import Organization
from apps.accounts.services import app_client_create


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="slug of the tenant, e.g. sunny-street")
        parser.add_argument("--name", required=True, help="what people will read when it asks them")
        parser.add_argument(
            "--redirect-uri", required=True, action="append", help="may be given several times"
        )
        parser.add_argument(
            "--public", action="store_true", help="it runs on people's own machines: no secret"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"there is no organization {options['organization']!r}")
        try:
            made = app_client_create(
                organization=organization, name=options["name"], redirect_uris=options["redirect_uri"],
                is_public=options["public"],
            )  # fmt: skip
        except AppInvalidError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"client_id={made.client_id}\nclient_secret={made.client_secret}")
