"""What a household allows: one purpose at a time, by a text with a version; the newest word of a purpose holds."""

import dataclasses
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, Literal

from django.db import transaction

from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.sites.models import ConsentEntry, Site

Purpose = Literal["dispatch", "forecasting", "utility", "community", "research"]


@dataclasses.dataclass(frozen=True)
class ConsentText:
    """What a household is asked; `by_contract` holds from enrollment on until it is withdrawn, the rest when given."""

    purpose: Purpose
    version: int
    by_contract: bool


@dataclasses.dataclass(frozen=True)
class Consent:
    """How a household stands to one purpose; `entry` is its last word, if it said one."""

    text: ConsentText
    given: bool
    entry: ConsentEntry | None

    @property
    def is_outdated(self) -> bool:
        """Whether the text has changed since it was answered."""
        return self.entry is not None and self.entry.version < self.text.version


TEXTS: Final[dict[str, ConsentText]] = {
    one.purpose: one
    for one in (
        ConsentText("dispatch", 1, by_contract=True),
        ConsentText("forecasting", 1, by_contract=True),
        ConsentText("utility", 1, by_contract=True),
        ConsentText("community", 1, by_contract=False),
        ConsentText("research", 1, by_contract=False),
    )
}


class ConsentInvalidError(DomainError):
    code = "consent_invalid"


def consents_of_site(*, site: Site) -> list[Consent]:
    """Return how the household stands to each purpose, in the order in which it is asked."""
    entries = ConsentEntry.objects.filter(site=site).order_by("purpose", "-pk").distinct("purpose")
    last = {entry.purpose: entry for entry in entries}
    return [
        Consent(text, last[name].given if name in last else text.by_contract, last.get(name))
        for name, text in TEXTS.items()
    ]


def consent_history(*, site: Site) -> list[ConsentEntry]:
    """Return everything the household has said, newest first."""
    return list(ConsentEntry.objects.filter(site=site).order_by("-pk"))


def allowed_sites(*, site_ids: Iterable[int], purpose: Purpose) -> list[int]:
    """Return which of the sites allow a use of their data, in the order given."""
    wanted = list(site_ids)
    default = TEXTS[purpose].by_contract
    # Most homes have said nothing: only those that said the opposite of the default are looked up.
    entries = ConsentEntry.objects.filter(purpose=purpose)
    if len(wanted) < 1000:
        entries = entries.filter(site_id__in=wanted)
    newest = dict(entries.order_by("site_id", "-pk").distinct("site_id").values_list("site_id", "given"))
    return [site_id for site_id in wanted if newest.get(site_id, default)]


def is_allowed(*, site: Site, purpose: Purpose) -> bool:
    """Whether a home allows one use of its data."""
    return bool(allowed_sites(site_ids=[site.pk], purpose=purpose))


@transaction.atomic
def consent_set(
    *, site: Site, purpose: str, version: int, given: bool, by: str, now: datetime
) -> ConsentEntry | None:
    """Keep the household's word on a purpose; None where it says what holds already."""
    text = TEXTS.get(purpose)
    if text is None or text.version != version:
        raise ConsentInvalidError("this is not the text that is asked now; read it again")
    Site.objects.select_for_update().get(pk=site.pk)
    held = next(one for one in consents_of_site(site=site) if one.text.purpose == purpose)
    if held.given == given and (held.entry is None or not held.is_outdated):
        return None
    entry = ConsentEntry.objects.create(
        site=site, purpose=purpose, version=version, given=given, by=by[:160], at=now
    )
    audit(
        organization=site.organization, actor=by, action="consent_give" if given else "consent_withdraw",
        subject=f"site {site.pk}", now=now, purpose=purpose, version=version,
    )  # fmt: skip
    return entry


def purposes() -> Collection[str]:
    """Return every purpose that is asked."""
    return TEXTS.keys()
