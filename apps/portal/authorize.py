"""The question whether an app may see or control one's homes (OAuth2 authorization code, PKCE; RFC 6749 and 7636)."""

from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from oauth2_provider.forms import AllowForm
from oauth2_provider.models import get_application_model
from oauth2_provider.views import AuthorizationView

from apps.accounts.models import User
from apps.common import clock
from apps.common.security import policy_with_form_action
from apps.sites.app_grants import CONTROL, NoHomeChosenError, app_grant
from apps.sites.selectors import sites_of_household


@method_decorator(never_cache, name="dispatch")
class AppAuthorizationView(AuthorizationView):  # type: ignore[misc]
    """GET asks, POST answers; homes are chosen one by one."""

    template_name = "portal/authorize.html"
    refused = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let the answer's form lead on to the app, and nowhere else."""
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        asked = request.POST.get("redirect_uri") or request.GET.get("redirect_uri", "")
        parts = urlsplit(asked)
        if response.status_code == 200 and parts.scheme in {"http", "https"} and parts.hostname:
            response.headers["Content-Security-Policy"] = policy_with_form_action(
                f"{parts.scheme}://{parts.netloc}"
            )
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the homes that can be chosen."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        homes = list(sites_of_household(user=self._user()))
        posted = self.request.POST.getlist("home")
        chosen = posted if self.request.method == "POST" else [str(one.pk) for one in homes]
        scopes = (context["form"]["scope"].value() or "").split()
        application = kwargs.get("application") or _application(context["form"]["client_id"].value())
        return context | {
            "homes": [(one, str(one.pk) in chosen) for one in homes],
            "asks_control": CONTROL in scopes,
            "refused": self.refused,
            "application": application,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse an app that there is not before anything is looked up by it."""
        asked = request.POST.get("client_id", "")
        if "\x00" in asked or not get_application_model().objects.filter(client_id=asked).exists():
            context = {"error": {"error": "invalid_request"}, "form": AllowForm()}
            return self.render_to_response(context, status=400)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AllowForm) -> Any:
        """Keep which homes were chosen together with the code that is given out."""
        if not form.cleaned_data.get("allow"):
            return super().form_valid(form)
        scopes = [one for one in form.cleaned_data["scope"].split() if one != CONTROL]
        may_control = "control" in self.request.POST and CONTROL in form.cleaned_data["scope"].split()
        form.cleaned_data["scope"] = " ".join([*scopes, CONTROL] if may_control else scopes)
        try:
            with transaction.atomic():
                app_grant(
                    user=self._user(), client=_application(form.cleaned_data["client_id"]), site_ids=self._chosen(),
                    may_control=may_control, now=clock.now(),
                )  # fmt: skip
                return super().form_valid(form)
        except NoHomeChosenError as error:
            self.refused = str(error)
            return self.render_to_response(self.get_context_data(form=form))

    def _chosen(self) -> set[int]:
        posted = self.request.POST.getlist("home")
        return {int(one) for one in posted if one.isascii() and one.isdigit() and len(one) < 10}

    def _user(self) -> User:
        user: User = self.request.user
        return user


def _application(client_id: str) -> Any:
    return get_application_model().objects.get(client_id=client_id)
