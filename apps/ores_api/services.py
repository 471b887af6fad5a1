"""The owner's word, passed on to the hub."""

from datetime import datetime

import msgspec
from django.db import transaction

from apps.accounts.services import audit
from apps.hubs.diagnoses import diagnosis_ask
from apps.hubs.errors import HubTooOldError
from apps.hubs.models import Hub
from apps.hubs.owner_orders import wish_in, wish_queue
from apps.hubs.owner_settings import moment, settings_queue
from apps.hubs.selectors import active_hubs_by_site
from apps.ores_api.errors import NoHubError
from apps.ores_api.selectors import checked
from apps.sites.models import Site
from apps.sites.preferences import NAMES, PreferenceInvalidError, Said, Source, preferences_set
from vpp.protocols.ores.facts import Checked, Preferences, Wish
from vpp.protocols.ores.problems import OresError


@transaction.atomic
def wish_pass_on(*, site: Site, wish: Wish, actor: str, now: datetime) -> Wish:
    """Queue the owner's wish for a resource in place of an earlier one; return it with its state."""
    _hub(site)
    return wish_in(wish_queue(site=site, wish=wish, actor=actor, now=now))


@transaction.atomic
def preferences_change(*, site: Site, wanted: Preferences, actor: str, now: datetime) -> None:
    """Queue what the owner prefers, with what was changed here before."""
    _check(site, wanted)
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    if not given:
        return
    hub = _hub(site, lock=True)
    at = moment(site=site, now=now)
    changes = {name: value for name, value in given.items() if name in NAMES}
    limits = {name: value for name, value in given.items() if name not in NAMES}
    said = Said(actor, Source.APP, dict.fromkeys(changes, at))
    try:
        preferences_set(site=site, changes=changes, said=said, now=now, action="ores_settings")
    except PreferenceInvalidError as error:
        raise OresError(400, "setting_refused", error.detail) from error
    settings_queue(hub=hub, site=site, limits=Preferences(**limits), at=at, now=now)
    if limits:
        audit(
            organization=site.organization, actor=actor, action="ores_settings", subject=f"site {site.pk}", now=now,
            **limits,
        )  # fmt: skip


def check_ask(*, site: Site, name: str, actor: str, now: datetime) -> Checked:
    """Queue a check for the home's hub; return it as it waits."""
    try:
        return checked(diagnosis_ask(hub=_hub(site), name=name, actor=actor, now=now))
    except HubTooOldError as error:
        raise OresError(409, error.code, error.detail) from error


def _hub(site: Site, *, lock: bool = False) -> Hub:
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    if hub is None:
        raise NoHubError("the home has no hub that could follow")
    return Hub.objects.select_for_update().get(pk=hub.pk) if lock else hub


def _check(site: Site, wanted: Preferences) -> None:
    for what, kw, most_kw in (
        ("import", wanted.import_limit_kw, site.import_limit_kw),
        ("export", wanted.export_limit_kw, site.export_limit_kw),
    ):
        if kw is not None and kw > most_kw:
            raise OresError(
                400, "setting_refused", f"the {what} limit is at most {most_kw:g} kW, as installed"
            )
