"""What a household prefers: revisions of it, wherever it was said, and the later word counts.

It takes effect through the columns of `Site`: dispatch, flexibility and the market read them, and know nothing of hubs.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final

from django.db import transaction

from apps.accounts.services import audit
from apps.common.errors import ConflictError, DomainError
from apps.sites.models import PreferenceRevision, Site

NAMES: Final = (
    "mode", "reserve_soc", "comfort_low_c", "comfort_high_c", "ev_least_soc", "quiet_from", "quiet_until",
)  # fmt: skip
# What a member of the household sets without being its owner.
COMFORT_NAMES: Final = frozenset(NAMES[2:])
_BOUNDS: Final = {
    "reserve_soc": (0.0, 1.0), "comfort_low_c": (5.0, 35.0), "comfort_high_c": (5.0, 35.0), "ev_least_soc": (0.0, 1.0),
}  # fmt: skip
# A band of so many degrees lets a heat pump's heat be moved as far as its store goes; a narrower one moves less.
FULL_BAND_C: Final = 4.0
Source = PreferenceRevision.Source
_LOOKED_BACK: Final = 100


class PreferenceInvalidError(DomainError):
    code = "preference_invalid"


class NothingToUndoError(ConflictError):
    code = "nothing_to_undo"


@dataclasses.dataclass(frozen=True)
class Said:
    """Who said something, where, and when by the clock of whoever said it [ms]."""

    by: str
    source: str
    at_ms: Mapping[str, int]


def values_of(site: Site) -> dict[str, Any]:
    """Return a home's preferences by name, times of day as HH:MM."""
    found = {name: getattr(site, name) for name in NAMES}
    return {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in found.items()}


def revisions_of_site(*, site: Site, limit: int) -> list[PreferenceRevision]:
    """Return what was set, the newest first."""
    return list(PreferenceRevision.objects.filter(site=site).order_by("-number")[:limit])


def newest_revision(*, site: Site) -> PreferenceRevision | None:
    """Return what holds, where anything was ever set."""
    return PreferenceRevision.objects.filter(site=site).order_by("-number").first()


def set_at_ms(*, site: Site) -> dict[str, int]:
    """Return when each preference was set last, by name."""
    newest = newest_revision(site=site)
    return dict(newest.set_at_ms) if newest else {}


@transaction.atomic
def preferences_set(
    *, site: Site, changes: Mapping[str, Any], said: Said, now: datetime, action: str = "preferences_set"
) -> PreferenceRevision | None:
    """Keep what is preferred now; what was said later already stays. None where nothing changes."""
    held = Site.objects.select_for_update().select_related("organization").get(pk=site.pk)
    newest = newest_revision(site=held)
    set_at = dict(newest.set_at_ms) if newest else {}
    later = {name: value for name, value in changes.items() if said.at_ms[name] > set_at.get(name, -1)}
    before = values_of(held)
    values = checked({**before, **later})
    changed = sorted(name for name in later if values[name] != before[name] or name not in set_at)
    if not changed:
        return None
    _take(held, site, values=values)
    set_at |= {name: said.at_ms[name] for name in later}
    made = _append(
        held, values, number=newest.number + 1 if newest else 1, set_at_ms=set_at, changed=changed, set_by=said.by[:160],
        source=said.source, at=now,
    )  # fmt: skip
    audit(
        organization=held.organization, actor=said.by, action=action, subject=f"site {held.pk}", now=now,
        source=said.source, **{name: values[name] for name in changed},
    )  # fmt: skip
    return made


@transaction.atomic
def preferences_refused(
    *, site_id: int, refused_ms: Mapping[str, int], accepted_ms: int, reason: str, now: datetime
) -> None:
    """Take back what a hub refuses and nothing later replaced: to what it had accepted by `accepted_ms`."""
    site = Site.objects.select_for_update().filter(pk=site_id).first()
    revisions = revisions_of_site(site=site, limit=_LOOKED_BACK) if site else []
    if site is None or not revisions:
        return
    newest = revisions[0]
    back = [
        name
        for name, at in refused_ms.items()
        if at > accepted_ms
        and newest.set_at_ms.get(name) == at
        and not _from_hub(name, at, revisions=revisions)
    ]
    if not back:
        return
    values, set_at = values_of(site), dict(newest.set_at_ms)
    for name in back:
        before = next((one for one in revisions if one.set_at_ms.get(name, -1) <= accepted_ms), None)
        values[name] = (before.values if before else values_of(Site()))[name]
        del set_at[name]
        if before is not None and name in before.set_at_ms:
            set_at[name] = before.set_at_ms[name]
    _take(site, site, values=checked(values))
    _append(
        site, values, number=newest.number + 1, set_at_ms=set_at, changed=sorted(back),
        set_by=f"refused: {reason}"[:160], source=Source.HUB, at=now,
    )  # fmt: skip


def _from_hub(name: str, at: int, *, revisions: Sequence[PreferenceRevision]) -> bool:
    """Whether a word was said on the hub itself: it cannot refuse that."""
    said = [one for one in revisions if name in one.changed and one.set_at_ms.get(name) == at]
    return any(one.source == Source.HUB for one in said)


def before_last(*, site: Site) -> dict[str, Any]:
    """Return what the newest revision changed, as it was before it."""
    last = revisions_of_site(site=site, limit=2)
    if not last:
        raise NothingToUndoError("nothing was set yet")
    before = last[1].values if len(last) > 1 else values_of(Site())
    return {name: before[name] for name in last[0].changed}


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return preferences that make sense together, or raise PreferenceInvalidError."""
    if values["mode"] not in Site.Mode.values:
        raise PreferenceInvalidError("there is no such mode")
    for name, (low, high) in _BOUNDS.items():
        value = values[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PreferenceInvalidError(f"{name} is a number")
        if not low <= value <= high:
            raise PreferenceInvalidError(f"{name} lies between {low:g} and {high:g}")
    if values["comfort_low_c"] > values["comfort_high_c"]:
        raise PreferenceInvalidError("the lowest temperature lies above the highest")
    return {**values, **{name: _clock(values[name]) for name in ("quiet_from", "quiet_until")}}


def comfort_share(*, low_c: float, high_c: float) -> float:
    """Return which share of a heat store may be moved within a band of temperatures."""
    return min(1.0, max(0.0, (high_c - low_c) / FULL_BAND_C))


def _clock(text: object) -> str:
    try:
        return f"{time.fromisoformat(str(text)):%H:%M}"
    except ValueError as error:
        raise PreferenceInvalidError("a time of day is written HH:MM") from error


def _take(held: Site, shown: Site, *, values: Mapping[str, Any]) -> None:
    """Write to the home's columns; `shown` is the caller's copy."""
    for name in NAMES:
        value = time.fromisoformat(values[name]) if name.startswith("quiet_") else values[name]
        setattr(held, name, value)
        setattr(shown, name, value)
    held.save(update_fields=NAMES)


def _append(site: Site, values: Mapping[str, Any], **fields: Any) -> PreferenceRevision:
    return PreferenceRevision.objects.create(site=site, values=dict(values), **fields)
