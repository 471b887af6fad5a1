"""A home's facts as the cloud has them, in the form of the ORES endpoints."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from apps.hubs.instructions import milliseconds, orders_held
from apps.hubs.models import Diagnosis, Hub, Instruction
from apps.hubs.owner_orders import control_subject, wish_in
from apps.hubs.owner_settings import last_change
from apps.hubs.selectors import active_hubs_by_site, diagnoses_of_hub, instructions_of_hub
from apps.sites.models import Resource, Site
from apps.sites.preferences import NAMES, newest_revision, values_of
from apps.sites.selectors import resources_of_site
from apps.telemetry.selectors import latest_rows, quarter_means, snapshots
from vpp.protocols.link.messages import COLUMNS, ResourceDescription
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Checked, Facts, Held, HubFacts, Note, Preferences, Row, Wish


def facts(*, site: Site, now: datetime) -> Facts:
    """Return what is known of a home now."""
    latest = latest_rows(site_ids=[site.pk], columns=COLUMNS)
    return Facts(
        site_id=site.pk,
        time_zone=site.time_zone,
        now=milliseconds(now),
        hub=_hub(active_hubs_by_site(site_ids=[site.pk]).get(site.pk)),
        resources=[_description(one) for one in resources_of_site(site=site)],
        latest=_row(latest[0][1:]) if latest else None,
    )


def recorded(*, site: Site, starts_at: int, ends_at: int, limit: int) -> list[Row]:
    """Return the first snapshots with starts_at < at <= ends_at [ms]."""
    rows = snapshots(
        site_id=site.pk, starts_at=_at(starts_at), ends_at=_at(ends_at), columns=COLUMNS, limit=limit
    )
    return [_row(row) for row in rows]


def quarters(*, site: Site, starts_at: int, ends_at: int) -> list[Row]:
    """Return the quarter-hours that begin in [starts_at, ends_at) [ms], in order."""
    rows = quarter_means(site_ids=[site.pk], columns=COLUMNS, starts_at=_at(starts_at), ends_at=_at(ends_at))
    return sorted((_row(row[1:]) for row in rows), key=lambda row: row.at)


def wishes(*, site: Site, now: datetime) -> list[Wish]:
    """Return what holds of the owner's wishes, each with what became of it on the hub."""
    keys = [one.key for one in resources_of_site(site=site)]
    held = orders_held(site_id=site.pk, subjects=map(control_subject, keys), at=now)
    found = [wish_in(instruction) for instruction, _ in held]
    return sorted((wish for wish in found if wish.kw is not None), key=lambda wish: wish.device_id)


def preferences(*, site: Site, now: datetime) -> Held:
    """Return what is set: what the hub tells and the site has, with what was changed since, wherever it was."""
    base = Preferences(
        reserve_soc=_reserve(site), import_limit_kw=site.import_limit_kw, export_limit_kw=site.export_limit_kw
    )
    newest = newest_revision(site=site)
    for name, value in values_of(site).items():
        if newest is not None and name in newest.set_at_ms:
            setattr(base, name, value)
    change, instruction = last_change(site=site, now=now)
    changed_at = max(newest.set_at_ms.values(), default=None) if newest else None
    if instruction is None:
        return Held(preferences=base, state="applied", changed_at=changed_at)
    if instruction.state != Instruction.State.REJECTED:
        for name in change.set_at.keys() - set(NAMES):
            setattr(base, name, getattr(change.preferences, name))
    return Held(
        preferences=base,
        state=instruction.state,  # type: ignore[arg-type]
        changed_at=max((at for at in (change.at, changed_at) if at is not None), default=None),
        reason=instruction.state_reason,
    )


def notes(*, site: Site, limit: int) -> list[Note]:
    """Return what the home's hub was told lately, and what became of it."""
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    return [] if hub is None else [_note(one) for one in instructions_of_hub(hub_id=hub.pk, limit=limit)]


def checks(*, site: Site, limit: int) -> list[Checked]:
    """Return the checks that the home's hub was asked for, the newest first."""
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    return [] if hub is None else [checked(one) for one in diagnoses_of_hub(hub=hub)[:limit]]


def checked(one: Diagnosis) -> Checked:
    """Return a check as the ORES endpoints know it."""
    return Checked(
        check_id=str(one.pk),
        name=one.name,
        state=one.state,  # type: ignore[arg-type]
        asked_at=milliseconds(one.asked_at),
        answered_at=None if one.answered_at is None else milliseconds(one.answered_at),
        answer=one.answer,
        is_truncated=one.truncated,
    )


def _note(instruction: Instruction) -> Note:
    payload = (instruction.device or {}).get("kind", "")
    note = Note(
        note_id=f"instruction:{instruction.instruction_id}:{instruction.revision}",
        at=milliseconds(instruction.created_at),
        kind="limit" if instruction.limits else "schedule",
        text=": ".join(
            part for part in (instruction.reason, instruction.state, instruction.state_reason) if part
        ),
        severity="warning" if instruction.state == Instruction.State.REJECTED else "info",
    )
    if payload.startswith(orders.CONTROL):
        note.kind, note.device_id = "control", payload.removeprefix(orders.CONTROL)
    elif payload:
        note.kind = "setting"
    return note


def _hub(hub: Hub | None) -> HubFacts | None:
    if hub is None:
        return None
    return HubFacts(
        hub_id=str(hub.pk),
        agent_version=hub.agent_version,
        model=hub.model,
        serial=hub.serial,
        is_connected=hub.is_connected,
        features=list(hub.features),
    )


def _reserve(site: Site) -> float:
    told = [
        one.parameters.get("reserve_soc") for one in resources_of_site(site=site) if one.kind == "battery"
    ]
    numbers = [value for value in told if isinstance(value, int | float)]
    return float(numbers[0]) if numbers else site.reserve_soc


def _description(resource: Resource) -> ResourceDescription:
    numbers = {
        name: float(value) for name, value in resource.parameters.items() if isinstance(value, int | float)
    }
    return ResourceDescription(resource.key, resource.kind, resource.name, numbers)  # type: ignore[arg-type]


def _row(found: Sequence[Any]) -> Row:
    at, *values = found
    return Row(at=milliseconds(at), **dict(zip(COLUMNS, values, strict=True)))


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
