"""Signals that go on to homes as they are: capacity limits of each home, and what only devices understand."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import transaction

from apps.common.redis import publish
from apps.dispatch.orders import priority_of
from apps.hubs.instructions import Order, hubs_holding, instruction_reasons, instructions_queue, milliseconds
from apps.hubs.selectors import active_hub_ids_by_site
from apps.programs.models import GridSignal, Program
from apps.programs.selectors import enrolled_site_ids, opted_out_site_ids, site_ids_ever_enrolled
from apps.programs.services import signal_set_state
from apps.sites.selectors import sites_named
from vpp.protocols.link.messages import CapacityLimits, DevicePayload

# How long what a household has subscribed to holds after the last limit was said.
FALLBACK_HOLDS: Final = timedelta(days=30)


def is_passed_on(signal: GridSignal) -> bool:
    """Whether each home's hub gets the signal itself."""
    if signal.kind == GridSignal.Kind.DEVICE:
        return True
    of_homes = signal.program.capacity_scope == Program.CapacityScope.HOME
    return of_homes and signal.kind in {GridSignal.Kind.IMPORT_LIMIT, GridSignal.Kind.EXPORT_LIMIT}


@transaction.atomic
def signal_pass_on(*, signal: GridSignal, reason: str, now: datetime, again: bool = True) -> int:
    """Tell the hubs of a signal's homes; return how many. Not `again`: only those that have not been told.

    Homes that it is not for any more are told to drop it.
    """
    site_ids = _site_ids(signal, now=now)
    hub_ids = set(active_hub_ids_by_site(site_ids=site_ids).values())
    if again:
        former = set(site_ids_ever_enrolled(program=signal.program)) - set(site_ids)
        signal_take_back(signal=signal, reason=reason, now=now, site_ids=former)
    else:
        hub_ids -= hubs_holding(hub_ids=hub_ids, subject=subject_of(signal), now=now)
    content = _content(signal)
    holds = FALLBACK_HOLDS if signal.detail.get("fallback_kw") is not None else timedelta()
    orders = [
        Order(
            hub_id=hub_id,
            subject=subject_of(signal),
            schedule=None,
            not_before=now,
            expires_at=signal.ends_at + holds,
            reason=reason,
            priority=priority_of(signal),
            **content,
        )
        for hub_id in sorted(hub_ids)
    ]
    instructions_queue(orders=orders, now=now)
    if signal.state == GridSignal.State.ACCEPTED and not signal.is_steered:
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.PLANNED)
    transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return len(orders)


@transaction.atomic
def signal_take_back(
    *, signal: GridSignal, reason: str, now: datetime, site_ids: Collection[int] | None = None
) -> None:
    """Tell the hubs that hold a signal, of these homes or of all, to drop it."""
    asked = site_ids_ever_enrolled(program=signal.program) if site_ids is None else site_ids
    hubs = active_hub_ids_by_site(site_ids=asked).values()
    held = hubs_holding(hub_ids=hubs, subject=subject_of(signal), now=now)
    orders = [
        Order(
            hub_id=hub_id,
            subject=subject_of(signal),
            schedule=None,
            not_before=now,
            expires_at=now + timedelta(days=1),
            reason=reason,
        )
        for hub_id in sorted(held)
    ]
    instructions_queue(orders=orders, now=now)


def passed_on_states(
    *, signal: GridSignal, now: datetime, site_ids: Collection[int] | None = None
) -> dict[tuple[str, str], int]:
    """Return what became of a signal at the hubs of its homes, or of some: how many per state and reason."""
    asked = _site_ids(signal, now=min(now, signal.ends_at)) if site_ids is None else site_ids
    hubs = active_hub_ids_by_site(site_ids=asked)
    return instruction_reasons(hub_ids=hubs.values(), subject=subject_of(signal))


def subject_of(signal: GridSignal) -> str:
    """Return the name under which hubs are told of a signal."""
    return f"{signal.kind}:{signal.pk}"


def _site_ids(signal: GridSignal, *, now: datetime) -> Collection[int]:
    opted_out = opted_out_site_ids(signal_id=signal.pk)
    site_ids = [one for one in enrolled_site_ids(program=signal.program, at=now) if one not in opted_out]
    if not signal.targets:
        return site_ids
    named = sites_named(organization=signal.organization, names=signal.targets)
    return [site_id for site_id in site_ids if site_id in named]


def _content(signal: GridSignal) -> dict[str, Any]:
    starts_at = milliseconds(signal.starts_at)
    if signal.kind == GridSignal.Kind.DEVICE:
        values = [row or [] for row in signal.detail["content"]]
        payload = {
            "kind": signal.detail["payload"],
            "starts_at": starts_at,
            "interval_s": signal.interval_s,
            "values": values,
        }
        return {"device": msgspec.convert(payload, DevicePayload)}
    asked = list(signal.values) if any(value is not None for value in signal.values) else []
    fallback = signal.detail.get("fallback_kw")
    if signal.kind == GridSignal.Kind.IMPORT_LIMIT:
        limits = CapacityLimits(starts_at, signal.interval_s, import_kw=asked, fallback_import_kw=fallback)
    else:
        limits = CapacityLimits(starts_at, signal.interval_s, export_kw=asked, fallback_export_kw=fallback)
    return {"limits": limits}
