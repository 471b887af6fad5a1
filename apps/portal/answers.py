"""What somebody asked for is done, or not, and the page they go back to says which."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from apps.common.errors import DomainError
from apps.portal.phrases import refused


def answered(
    request: HttpRequest, act: Callable[[], object], *, back: HttpResponse, said: str = ""
) -> HttpResponse:
    """Do it and go back with `said`, else with what it returned; or with why it was refused."""
    try:
        outcome = act()
    except DomainError as error:
        messages.error(request, refused(error))
    else:
        messages.success(request, said or str(outcome))
    return back
