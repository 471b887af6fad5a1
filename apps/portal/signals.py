"""A home's part in signals that are no sheds: its battery's plan, what was passed on to its hub, what is only read."""

import dataclasses
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.common.charts import Chart, Series, chart, stepped
from apps.common.language import separated
from apps.dispatch.models import Schedule
from apps.dispatch.passed_on import is_passed_on
from apps.dispatch.passed_on import passed_on_states as states_of
from apps.dispatch.selectors import note_of_home, plans_steering
from apps.dispatch.steered_homes import battery_kw
from apps.portal.wording import does_words
from apps.programs.models import GridSignal
from apps.programs.selectors import opted_out_site_ids
from apps.sites.models import Site

SMALL_KW = 0.05


@dataclasses.dataclass(frozen=True)
class HomeSignal:
    """A signal that is no shed, with this home's part; phase is coming, running or past."""

    signal: GridSignal
    phase: str
    opted_out: bool
    does: str
    present: str
    note: str
    chart: Chart | None
    hub_state: str
    hub_reason: str

    @property
    def can_opt_out(self) -> bool:
        leavable = self.signal.kind != GridSignal.Kind.NOTICE and not self.signal.is_binding
        return leavable and self.phase != "past" and not self.opted_out


def home_signal(*, site: Site, signal: GridSignal, phase: str, now: datetime) -> HomeSignal:
    """Return the home's part in a signal that is no shed."""
    plan = plans_steering(signal=signal).first() if signal.is_steered else None
    schedule = Schedule.objects.filter(plan=plan, site=site).select_related("plan").first() if plan else None
    opted_out = site.pk in opted_out_site_ids(signal_id=signal.pk)
    state, reason = next(iter(states_of(signal=signal, now=now, site_ids=[site.pk])), ("", ""))
    told = is_passed_on(signal) and not opted_out
    return HomeSignal(
        signal=signal,
        phase=phase,
        opted_out=opted_out,
        does=does_words(signal),
        present=_present(schedule, now=now) if schedule and phase == "running" and not opted_out else "",
        note=note_of_home(plan=plan, site_id=site.pk) if plan and schedule is None else "",
        chart=_chart(schedule, zone=ZoneInfo(site.time_zone), now=now)
        if schedule and not opted_out
        else None,
        hub_state=state if told else "",
        hub_reason=reason if told else "",
    )


def power_words(power_kw: float) -> str:
    """Say what a battery does with a power [kW], charging being positive."""
    if abs(power_kw) < SMALL_KW:
        return _("rests")
    said = _("charges with %(kw)s kW") if power_kw > 0 else _("discharges with %(kw)s kW")
    return said % {"kw": separated(f"{abs(power_kw):.1f}")}


def _present(schedule: Schedule, *, now: datetime) -> str:
    plan = schedule.plan
    index = (now - plan.starts_at) // timedelta(seconds=plan.interval_s)
    powers = battery_kw(schedule)
    if not 0 <= index < len(powers):
        return ""
    return _("Now your battery %(does)s.") % {"does": power_words(powers[index])}


def _chart(schedule: Schedule, *, zone: ZoneInfo, now: datetime) -> Chart:
    plan, powers = schedule.plan, battery_kw(schedule)
    ends_at = plan.starts_at + timedelta(seconds=plan.interval_s * len(powers))
    points = stepped(plan.starts_at, plan.interval_s, values=powers)
    return chart(
        title=_("What your battery is planned to do"),
        period=(plan.starts_at, ends_at),
        series=[Series("battery", _("Battery (up: charging, down: giving)"), points, "area")],
        zone=zone,
        now=now,
    )
