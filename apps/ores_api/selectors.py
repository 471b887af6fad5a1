"""A home's facts as the cloud has them, in the form of the ORES endpoints."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from apps.hubs.instructions import milliseconds, orders_held
from apps.hubs.models import Hub, Instruction
from apps.hubs.selectors import active_hubs_by_site, instructions_of_hub
from apps.sites.models import Resource, Site
from apps.sites.selectors import resources_of_site
from apps.telemetry.selectors import latest_rows, quarter_means, snapshots
from vpp.protocols.link.messages import COLUMNS, ResourceDescription
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Facts, Held, HubFacts, Note, Preferences, Row, Wish

SETTINGS = "ores:settings"


def control_subject(key: str) -> str:
    """Return what instructions about the owner's wish for a resource are called."""
    return f"ores:control:{key}"


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
    found = [wish_of(instruction) for instruction, _ in held]
    return sorted((wish for wish in found if wish.kw is not None), key=lambda wish: wish.device_id)


def wish_of(instruction: Instruction) -> Wish:
    """Return the wish that an instruction carries, with its state."""
    assert instruction.device is not None  # whoever asks looks for what carries a payload
    wish = orders.wish_of(instruction.device["values"][0])
    wish.state, wish.reason = instruction.state, instruction.state_reason  # type: ignore[assignment]
    return wish


def preferences(*, site: Site, now: datetime) -> Held:
    """Return what is set: what the hub tells and the site has, with what was changed here since."""
    base = Preferences(
        reserve_soc=_reserve(site), import_limit_kw=site.import_limit_kw, export_limit_kw=site.export_limit_kw
    )
    change, instruction = last_change(site=site, now=now)
    if instruction is None:
        return Held(preferences=base, state="applied")
    if instruction.state != Instruction.State.REJECTED:
        given = {name: getattr(change.preferences, name) for name in change.set_at}
        for name, value in given.items():
            setattr(base, name, value)
    return Held(
        preferences=base,
        state=instruction.state,  # type: ignore[arg-type]
        changed_at=change.at,
        reason=instruction.state_reason,
    )


def last_change(*, site: Site, now: datetime) -> tuple[orders.Change, Instruction | None]:
    """Return what was set in the cloud, and the instruction that carries it."""
    held = orders_held(site_id=site.pk, subjects=[SETTINGS], at=now)
    if not held:
        return orders.Change(), None
    instruction = max((one for one, _ in held), key=lambda one: one.pk)
    assert instruction.device is not None
    return orders.change_of(instruction.device["values"][0]), instruction


def notes(*, site: Site, limit: int) -> list[Note]:
    """Return what the home's hub was told lately, and what became of it."""
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    return [] if hub is None else [_note(one) for one in instructions_of_hub(hub_id=hub.pk, limit=limit)]


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
