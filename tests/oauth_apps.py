"""Apps that people can grant access to, for tests."""

from apps.accounts.models import Organization
from apps.accounts.services import Credential, app_client_create
from tests import factories

APP_ADDRESS = "https://app.example.org/back"


def make_app(*, organization: Organization, is_public: bool = False) -> Credential:
    """An app that people can grant access to."""
    return app_client_create(
        organization=organization,
        name=f"App {factories.number()}",
        redirect_uris=[APP_ADDRESS],
        is_public=is_public,
    )
