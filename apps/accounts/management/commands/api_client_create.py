"""Make a partner's OAuth2 credential; its secret is printed once and kept only as a hash."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import ApiClient, Organization
from apps.accounts.services import api_client_create


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="slug of the tenant, e.g. sunny-street")
        parser.add_argument("--name", required=True, help="what people will call this partner")
        parser.add_argument("--role", required=True, choices=ApiClient.Role.values)

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"there is no organization {options['organization']!r}")
        made = api_client_create(organization=organization, name=options["name"], role=options["role"])
        self.stdout.write(f"client_id={made.client_id}\nclient_secret={made.client_secret}")
