"""Which secrets a credential is known by: the newest, and after a rotation with overlap the one before for a time."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.hashers import check_password
from oauth2_provider.oauth2_validators import OAuth2Validator

from apps.accounts.models import ApiClient


class SecretsValidator(OAuth2Validator):  # type: ignore[misc]
    """django-oauth-toolkit's validator, which knows one secret a client."""

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        """Ask every app without a secret for PKCE; one with a secret shows that it is itself by that (RFC 6749, 10.5).

        Google's account linking sends no challenge. A challenge that comes is held to, whoever sends it.
        """
        held = ApiClient.objects.filter(client_id=client_id).values_list("client_type", flat=True).first()
        return bool(held != ApiClient.CLIENT_CONFIDENTIAL)

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        if super()._check_secret(provided_secret, stored_secret):
            return True
        machine_now = datetime.now(UTC)  # secrets live by the machine's clock
        held = ApiClient.objects.filter(client_secret=stored_secret, previous_until__gt=machine_now)
        previous = held.values_list("previous_secret", flat=True).first()
        return bool(previous) and check_password(provided_secret, previous)
