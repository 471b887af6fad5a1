"""What a household allows, its copy of everything stored, and the end of it, as its page shows them."""

import dataclasses
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.common.errors import DomainError
from apps.portal.errors import OwnerOnlyError
from apps.privacy.deletions import deletion_of_site
from apps.privacy.exports import exports_of_person
from apps.privacy.models import DataExport, Deletion
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_site
from apps.programs.services import opt_out_create
from apps.sites.consents import Consent, consent_history, consent_set, consents_of_site
from apps.sites.models import ConsentEntry, Site
from apps.sites.selectors import is_owner

TEXTS: Final[dict[str, tuple[str | Promise, str | Promise, str | Promise]]] = {
    "dispatch": (
        _("Let my home take part in events"),
        _("Battery, car and heating are planned when a utility asks for relief, within your preferences."),
        _("Without it nothing is asked of your home any more, and nothing is earned in events; running ones end at once."),
    ),
    "forecasting": (
        _("Forecast with my 15-minute data"),
        _("The company that runs your program forecasts your consumption and sun from quarter-hours."),
        _("Without it no new forecasts are made of your home; local trading by itself pauses."),
    ),
    "utility": (
        _("Name my home in reports to the utility"),
        _("A utility may get measurements of single homes, to check what was delivered."),
        _("Without it your home counts in sums only, in which nobody can be told apart."),
    ),
    "community": (
        _("Count me in the community's picture"),
        _("Neighbors in your local market see how gains are spread, with homes as numbers without names."),
        _("Without it your home is left out of that picture."),
    ),
    "research": (
        _("Let research use my data, without my name"),
        _("Quarter-hours without name, address and place may be given to universities."),
        _("Without it nothing of your home is given."),
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ConsentRow:
    """One question, how it stands, and what a no means."""

    consent: Consent
    title: str | Promise
    use: str | Promise
    without: str | Promise


@dataclasses.dataclass(frozen=True)
class PrivacyPage:
    """Everything the page shows."""

    consents: list[ConsentRow]
    history: list[tuple[ConsentEntry, str | Promise]]
    exports: list[DataExport]
    is_making: bool
    deletion: Deletion | None


def privacy_page(*, site: Site, user: User) -> PrivacyPage:
    """Return a home's consents, copies and deletion."""
    exports = exports_of_person(site=site, user=user)
    return PrivacyPage(
        consents=[ConsentRow(one, *TEXTS[one.text.purpose]) for one in consents_of_site(site=site)],
        history=[(one, TEXTS[one.purpose][0]) for one in consent_history(site=site)[:20]],
        exports=exports,
        is_making=any(one.state in {"waiting", "running"} for one in exports),
        deletion=deletion_of_site(site=site),
    )


def consent_say(*, user: User, site: Site, purpose: str, version: int, given: bool, now: datetime) -> None:
    """Keep the owner's word; a no to taking part counts for events that run, too."""
    if not is_owner(user=user, site=site):
        raise OwnerOnlyError("only an owner of this home decides this")
    entry = consent_set(site=site, purpose=purpose, version=version, given=given, by=user.email, now=now)
    if entry is None or given or purpose != "dispatch":
        return
    open_states = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]
    for signal in signals_of_site(site=site).filter(state__in=open_states, ends_at__gt=now):
        try:
            opt_out_create(signal_id=signal.pk, site=site, user=user, reason="withdrew the consent", now=now)
        except DomainError:
            continue  # a limit of the grid connection binds whoever is connected
