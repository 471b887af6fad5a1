"""Who looks at a page."""

from django.http import HttpRequest

from apps.accounts.models import User


def user_of(request: HttpRequest) -> User:
    """Return the signed-in person."""
    assert isinstance(request.user, User)  # signed_in has seen to it
    return request.user
