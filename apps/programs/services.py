"""Writes of programs, enrollments, grid signals and opt-outs."""

import math
from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization, User
from apps.accounts.services import audit
from apps.alerts.services import EventKind
from apps.common.queue import enqueue_on_commit
from apps.common.redis import publish
from apps.programs.errors import (
    AlreadyEnrolledError,
    NameTakenError,
    NotEnrolledError,
    ProgramInvalidError,
    SignalBindingError,
    SignalOverError,
)
from apps.programs.models import Enrollment, GridSignal, OptOut, OptOutPeriod, Program
from apps.programs.opt_out_rows import periods_follow
from apps.programs.payment import check_payment_rules
from apps.programs.telling import opt_out_tell, signal_tell
from apps.sites.models import Site
from vpp.translate.grid_signal import GridSignalDraft

PLAN_TASK = "dispatch.plan_signal"
DISPATCH_RULES = ("reserve_kw", "most_events", "most_events_days")
SIGNAL_RULES = ("level_shares", "capacity_scope", "carbon_price")
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
def program_rename(*, program: Program, name: str) -> Program:
    """Give a program another name."""
    if program.name == name:
        return program
    program.name = name
    try:
        with transaction.atomic():
            program.save(update_fields=["name"])
    except IntegrityError as error:
        raise NameTakenError(f"there is a program named {name!r} already") from error
    return program


@transaction.atomic
def program_end(*, program: Program, now: datetime) -> Program:
    """End a program for good: no home takes part any more, its record stays, its name is free again."""
    program.enrollments.filter(ends_at=None).update(ends_at=now)
    program.name = f"{program.name[:80]} (ended {now.date().isoformat()}, no. {program.pk})"
    program.save(update_fields=["name"])
    return program


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
    was = _held(program, DISPATCH_RULES)
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
        now=now, reserve_kw=reserve_kw, most_events=most_events, most_events_days=most_events_days, was=was,
    )  # fmt: skip
    return program


@transaction.atomic
def program_set_signals(
    *,
    program: Program,
    level_shares: Sequence[float],
    capacity_scope: str,
    carbon_price: Decimal,
    actor: str,
    now: datetime,
) -> Program:
    """Set how levels, capacity limits and greenhouse gas are read, for plans made from now on."""
    was = _held(program, SIGNAL_RULES)
    program.level_shares, program.capacity_scope = list(level_shares), capacity_scope
    program.carbon_price = carbon_price
    try:
        program.clean_fields()
        _check_shares(program.level_shares)
    except ValidationError as error:
        raise ProgramInvalidError(_sentence(error)) from error
    program.save(update_fields=list(SIGNAL_RULES))
    audit(
        organization=program.organization, actor=actor, action="program_set_signals", subject=f"program {program.pk}",
        now=now, **_held(program, SIGNAL_RULES), was=was,
    )  # fmt: skip
    return program


def _check_shares(shares: Sequence[float]) -> None:
    if len(shares) != 3 or not all(map(math.isfinite, shares)) or list(shares) != sorted(shares):
        raise ValidationError(
            {"level_shares": "three shares from 0 to 1 are needed, none below the one before"}
        )


def _held(program: Program, names: Sequence[str]) -> dict[str, Any]:
    """Return a program's fields as the audit log keeps them."""
    values = {name: getattr(program, name) for name in names}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


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
    *,
    program: Program,
    draft: GridSignalDraft,
    source: str,
    name: str,
    now: datetime,
    priority: int | None = None,
    targets: Collection[str] = (),
) -> GridSignal:
    """Accept a utility's wish and have it planned."""
    signal = GridSignal(
        organization=program.organization,
        program=program,
        source=source,
        received_at=now,
        priority=priority,
        targets=list(targets),
    )
    _take_over(signal, draft, name=name)
    signal.save(force_insert=True)
    periods_follow(signal=signal, now=now)
    signal_tell(signal=signal, kind=EventKind.SIGNAL_CREATED, now=now)
    _plan(signal, "the utility's event came in", only_after=0)
    return signal


def _take_over(signal: GridSignal, draft: GridSignalDraft, *, name: str) -> None:
    signal.kind, signal.name = draft.kind, name[:128]
    signal.starts_at, signal.ends_at, signal.interval_s = draft.starts_at, draft.ends_at, draft.interval_s
    signal.target_kw, signal.values = list(draft.target_kw), list(draft.values)
    signal.detail = dict(draft.detail)


@transaction.atomic
def signal_revise(
    *,
    signal_id: UUID,
    draft: GridSignalDraft,
    name: str,
    now: datetime,
    priority: int | None = None,
    targets: Collection[str] = (),
) -> GridSignal:
    """Replace what is asked, before or during the event; hubs get it as the next revision."""
    signal = GridSignal.objects.select_for_update().get(pk=signal_id)
    if signal.state not in RUNNING:
        raise SignalOverError(f"the event is {signal.state}; it cannot be changed any more")
    _take_over(signal, draft, name=name)
    signal.priority, signal.targets = priority, list(targets)
    signal.revision += 1
    signal.save()
    periods_follow(signal=signal, now=now)
    signal_tell(signal=signal, kind=EventKind.SIGNAL_CHANGED, now=now)
    _plan(signal, "the utility changed the event")
    return signal


@transaction.atomic
def signal_cancel(*, signal_id: UUID, now: datetime) -> GridSignal:
    """End a signal for good; hubs are told at once."""
    signal = GridSignal.objects.select_for_update().get(pk=signal_id)
    if signal.state in RUNNING:
        signal.state = GridSignal.State.CANCELED
        signal.save(update_fields=["state"])
        signal_tell(signal=signal, kind=EventKind.SIGNAL_ENDED, now=now)
        enqueue_on_commit("dispatch.cancel_signal", signal_id=str(signal.pk))
        transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return signal


@transaction.atomic
def opt_out_create(
    *,
    signal_id: UUID,
    site: Site,
    user: User | None,
    reason: str,
    now: datetime,
    actor: str = "",
    period: OptOutPeriod | None = None,
) -> OptOut:
    """A household says no to one signal; its hub is released at once, the fleet makes up for it."""
    signal = _signal_of_home(signal_id, site)
    if signal.is_binding:
        raise SignalBindingError("a limit of the home's connection to the grid cannot be left")
    opt_out, created = OptOut.objects.get_or_create(
        signal=signal, site=site,
        defaults={"user": user, "reason": reason[:200], "at": now, "period": period},
    )  # fmt: skip
    if created:
        audit(
            organization=site.organization,
            actor=user.email if user is not None else actor,
            action="opt_out",
            subject=f"signal {signal.pk}",
            now=now,
            site=site.pk,
        )
        opt_out_tell(signal=signal, site_id=site.pk, by=user.email if user is not None else "", now=now)
        enqueue_on_commit("dispatch.release_site", signal_id=str(signal.pk), site_id=site.pk)
        transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return opt_out


@transaction.atomic
def opt_out_withdraw(*, signal_id: UUID, site: Site, actor: str, now: datetime) -> bool:
    """A household takes part after all; return whether it had said no. The fleet is planned anew."""
    signal = _signal_of_home(signal_id, site)
    withdrawn, _ = OptOut.objects.filter(signal=signal, site=site).delete()
    if withdrawn:
        audit(
            organization=site.organization,
            actor=actor,
            action="opt_out_withdraw",
            subject=f"signal {signal.pk}",
            now=now,
            site=site.pk,
        )
        _plan(signal, "a home takes part again")
    return bool(withdrawn)


def opt_outs_carry_over(*, signal: GridSignal, to: GridSignal) -> None:
    """Let who said no to a signal have said no to the one that follows it."""
    held = OptOut.objects.filter(signal=signal)
    OptOut.objects.bulk_create(
        OptOut(
            signal=to,
            site_id=one.site_id,
            user_id=one.user_id,
            reason=one.reason,
            at=one.at,
            period_id=one.period_id,
        )
        for one in held
    )


def _signal_of_home(signal_id: UUID, site: Site) -> GridSignal:
    """Return a signal, locked, that runs and that the home takes part in."""
    signal = (
        GridSignal.objects.select_for_update().filter(pk=signal_id, organization=site.organization).first()
    )
    if signal is None or not Enrollment.objects.filter(program=signal.program, site=site).exists():
        raise NotEnrolledError("this home does not take part in that event")
    if signal.state not in RUNNING:
        raise SignalOverError(f"the event is {signal.state}")
    return signal


def signal_set_state(*, signal_id: UUID, state: str) -> None:
    """Move a signal on in its life (the caller has checked that it may)."""
    GridSignal.objects.filter(pk=signal_id).update(state=state)
    transaction.on_commit(lambda: publish("signals", [str(signal_id)]))


def _sentence(error: ValidationError) -> str:
    return "; ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())


def _plan(signal: GridSignal, reason: str, *, only_after: int | None = None) -> None:
    enqueue_on_commit(PLAN_TASK, signal_id=str(signal.pk), reason=reason, only_after=only_after)
    transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
