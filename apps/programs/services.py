"""Writes of programs, enrollments, grid signals and opt-outs."""

import math
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization, User
from apps.accounts.services import audit
from apps.common.queue import enqueue_on_commit
from apps.common.redis import publish
from apps.programs.errors import (
    AlreadyEnrolledError,
    NameTakenError,
    NotEnrolledError,
    ProgramInvalidError,
    SignalOverError,
)
from apps.programs.models import Enrollment, GridSignal, OptOut, Program
from apps.programs.payment import check_payment_rules
from apps.sites.models import Site
from vpp.translate.grid_signal import GridSignalDraft

PLAN_TASK = "dispatch.plan_signal"
RUNNING = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]


@transaction.atomic
def program_create(*, organization: Organization, name: str, now: datetime) -> Program:
    """Create a program with the default payment rule."""
    try:
        with transaction.atomic():
            return Program.objects.create(organization=organization, name=name, created_at=now)
    except IntegrityError as error:
        raise NameTakenError(f"there is a program named {name!r} already") from error


@transaction.atomic
def program_set_payment(
    *,
    program: Program,
    energy_price: Decimal,
    event_payment: Decimal,
    currency: str,
    actor: str,
    now: datetime,
    payment_rules: Any = None,
) -> Program:
    """Set what a program pays, for signals that are not settled yet; None leaves its further rules."""
    program.energy_price, program.event_payment, program.currency = energy_price, event_payment, currency
    program.payment_rules = program.payment_rules if payment_rules is None else payment_rules
    try:
        program.full_clean()
        if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
            raise ValidationError({"currency": f"{currency} is not a currency's code"})
    except ValidationError as error:
        raise ProgramInvalidError(_sentence(error)) from error
    check_payment_rules(program=program)
    program.save()
    audit(
        organization=program.organization, actor=actor, action="program_set_payment", subject=f"program {program.pk}",
        now=now, energy_price=str(energy_price), event_payment=str(event_payment), currency=currency,
        payment_rules=program.payment_rules,
    )  # fmt: skip
    return program


@transaction.atomic
def program_set_baseline(
    *, program: Program, method: str, holidays: Collection[date], actor: str, now: datetime
) -> Program:
    """Set how homes' usual draw is told, for signals that have not started; what is stored for others stands."""
    program.baseline_method, program.holidays = method, sorted(set(holidays))
    try:
        program.clean_fields()
    except ValidationError as error:
        raise ProgramInvalidError(_sentence(error)) from error
    program.save(update_fields=["baseline_method", "holidays"])
    audit(
        organization=program.organization, actor=actor, action="program_set_baseline", subject=f"program {program.pk}",
        now=now, method=method, holidays=[day.isoformat() for day in program.holidays],
    )  # fmt: skip
    return program


@transaction.atomic
def program_set_dispatch(
    *,
    program: Program,
    reserve_kw: float,
    most_events: int | None,
    most_events_days: int,
    actor: str,
    now: datetime,
) -> Program:
    """Set what events leave in reserve and how often a home may be asked, for plans made from now on."""
    program.reserve_kw, program.most_events, program.most_events_days = (
        reserve_kw,
        most_events,
        most_events_days,
    )
    try:
        program.clean_fields()
        if not math.isfinite(reserve_kw):
            raise ValidationError({"reserve_kw": "is not a finite number"})
    except ValidationError as error:
        raise ProgramInvalidError(_sentence(error)) from error
    program.save(update_fields=["reserve_kw", "most_events", "most_events_days"])
    audit(
        organization=program.organization, actor=actor, action="program_set_dispatch", subject=f"program {program.pk}",
        now=now, reserve_kw=reserve_kw, most_events=most_events, most_events_days=most_events_days,
    )  # fmt: skip
    return program


@transaction.atomic
def enrollment_create(*, program: Program, site: Site, now: datetime) -> Enrollment:
    """Let a home take part from now on."""
    if site.organization_id != program.organization_id:
        raise NotEnrolledError("the home and the program belong to different organizations")
    try:
        with transaction.atomic():
            return Enrollment.objects.create(program=program, site=site, starts_at=now)
    except IntegrityError as error:
        raise AlreadyEnrolledError(f"{site.name} takes part already") from error


@transaction.atomic
def signal_receive(
    *, program: Program, draft: GridSignalDraft, source: str, name: str, now: datetime
) -> GridSignal:
    """Accept a utility's wish and have it planned."""
    signal = GridSignal.objects.create(
        organization=program.organization,
        program=program,
        kind=draft.kind,
        name=name[:128],
        source=source,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        interval_s=draft.interval_s,
        target_kw=list(draft.target_kw),
        received_at=now,
    )
    _plan(signal, "the utility's event came in", only_after=0)
    return signal


@transaction.atomic
def signal_revise(*, signal_id: UUID, draft: GridSignalDraft, name: str, now: datetime) -> GridSignal:
    """Replace what is asked, before or during the event; hubs get it as the next revision."""
    signal = GridSignal.objects.select_for_update().get(pk=signal_id)
    if signal.state not in RUNNING:
        raise SignalOverError(f"the event is {signal.state}; it cannot be changed any more")
    signal.starts_at, signal.ends_at = draft.starts_at, draft.ends_at
    signal.interval_s, signal.target_kw = draft.interval_s, list(draft.target_kw)
    signal.name = name[:128]
    signal.revision += 1
    signal.save()
    _plan(signal, "the utility changed the event")
    return signal


@transaction.atomic
def signal_cancel(*, signal_id: UUID, now: datetime) -> GridSignal:
    """End a signal for good; hubs are told at once."""
    signal = GridSignal.objects.select_for_update().get(pk=signal_id)
    if signal.state in RUNNING:
        signal.state = GridSignal.State.CANCELED
        signal.save(update_fields=["state"])
        enqueue_on_commit("dispatch.cancel_signal", signal_id=str(signal.pk))
        transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return signal


@transaction.atomic
def opt_out_create(*, signal_id: UUID, site: Site, user: User, reason: str, now: datetime) -> OptOut:
    """A household says no to one signal; its hub is released at once, the fleet makes up for it."""
    signal = (
        GridSignal.objects.select_for_update().filter(pk=signal_id, organization=site.organization).first()
    )
    if signal is None or not Enrollment.objects.filter(program=signal.program, site=site).exists():
        raise NotEnrolledError("this home does not take part in that event")
    if signal.state not in RUNNING:
        raise SignalOverError(f"the event is {signal.state}")
    opt_out, created = OptOut.objects.get_or_create(
        signal=signal, site=site, defaults={"user": user, "reason": reason[:200], "at": now}
    )
    if created:
        audit(
            organization=site.organization,
            actor=user.email,
            action="opt_out",
            subject=f"signal {signal.pk}",
            now=now,
            site=site.pk,
        )
        enqueue_on_commit("dispatch.release_site", signal_id=str(signal.pk), site_id=site.pk)
        transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return opt_out


def signal_set_state(*, signal_id: UUID, state: str) -> None:
    """Move a signal on in its life (the caller has checked that it may)."""
    GridSignal.objects.filter(pk=signal_id).update(state=state)
    transaction.on_commit(lambda: publish("signals", [str(signal_id)]))


def _sentence(error: ValidationError) -> str:
    return "; ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())


def _plan(signal: GridSignal, reason: str, *, only_after: int | None = None) -> None:
    enqueue_on_commit(PLAN_TASK, signal_id=str(signal.pk), reason=reason, only_after=only_after)
    transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
