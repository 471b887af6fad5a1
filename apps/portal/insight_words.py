"""What each kind of insight says: title, explanation with numbers, and what to do."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEXTS: Final[Mapping[str, tuple[str | Promise, str | Promise, str | Promise]]] = {
    "yield_below_last_year": (
        _("Less sun than last year"),
        _(
            "In the last four weeks your solar system gave %(loss_pct)s %% less than in the same weeks "
            "of last year: %(now_kwh)s instead of %(before_kwh)s kWh. Some of it can be the weather."
        ),
        _("Look for dirt, new shade or a failed string; if neighbors lost less, have it checked."),
    ),
    "clipping": (
        _("Peaks of sun are cut off"),
        _(
            "Your solar system stands at %(level_kw)s kW for %(energy_share_pct)s %% of its energy: the "
            "inverter or a limit cuts the peaks off."
        ),
        _("Charge the car or the battery at noon; check whether the limit is still needed."),
    ),
    "stuck_value": (
        _("A sensor may be stuck"),
        _("For hours the value of %(thing)s did not change at all."),
        _("Check the meter or sensor and its cable; restart it."),
    ),
    "standby": (
        _("Your home draws much at night"),
        _(
            "Even at night your home draws %(standby_kw)s kW, about %(kwh_per_year)s kWh a year. Homes "
            "like yours need about %(usual_kw)s kW."
        ),
        _("Find what is never off: old freezers, pumps, media boxes. A plug that measures helps."),
    ),
    "shift_load": (
        _("Cheaper hours are free"),
        _(
            "Moving %(moved_kwh)s kWh a week of %(thing)s into cheaper hours saves %(amount)s "
            "%(currency)s a week at your tariff."
        ),
        _("Set a schedule: ready by the time you need it, and your hub takes the cheap hours."),
    ),
    "lower_reserve": (
        _("Your backup reserve costs money"),
        _(
            "Your battery rests at its reserve of %(reserve_pct)s %% for %(hours_at_reserve)s hours a "
            "week while you buy power. Using %(freed_kwh)s kWh of it saves %(amount)s %(currency)s a "
            "week."
        ),
        _("Lower the reserve in your preferences, if less backup is enough for you."),
    ),
    "export_limit": (
        _("You reach your export limit"),
        _(
            "For %(hours_per_week)s hours a week your home feeds in as much as its limit of "
            "%(limit_kw)s kW allows; what is more is lost."
        ),
        _("Use sun at noon: charge the car, heat water, or keep room in the battery."),
    ),
    "string_below_last_year": (
        _("One part of your solar system fell behind"),
        _(
            "“%(thing)s” gave %(loss_pct)s %% less in the last four weeks than in the same weeks of last year: "
            "%(now_kwh)s instead of %(before_kwh)s kWh. Beside the rest of your roof, which had the same weather, it lost "
            "%(beside_others_pct)s %%, give or take %(error_pct)s."
        ),
        _("Look for new shade and dirt on this part of the roof; have its plugs, fuse and modules checked."),
    ),
    "shift_appliance": (
        _("Another time of day is cheaper"),
        _(
            "“%(thing)s” ran %(runs_per_week)s times a week, mostly from about %(usual_hour)s. The same runs begun at "
            "%(best_hour)s would have cost %(amount)s %(currency)s less a week at your tariff, your own sun counted."
        ),
        _("Use its delayed start, or have your hub start it in a weekly plan."),
    ),
    "battery_fade": (
        _("Your battery holds less than it did"),
        _(
            "By its own charges and discharges it held %(first_kwh)s kWh %(span_weeks)s weeks ago and holds "
            "%(capacity_kwh)s kWh now. That is %(fade_pct)s %% a year (very likely between %(low_pct)s and %(high_pct)s); up "
            "to 4 %% a year is usual."
        ),
        _("Compare with its warranty; keep it cool, and do not leave it full for days."),
    ),
}  # fmt: skip

# What the numbers behind an insight are called.
NUMBERS: Final[Mapping[str, str | Promise]] = {
    "loss_pct": _("Less than the year before"),
    "beside_others_pct": _("Less beside the other strings"),
    "error_pct": _("Standard error of that"),
    "strings": _("Strings compared"),
    "now_kwh": _("Last four weeks"),
    "before_kwh": _("Same weeks a year before"),
    "level_kw": _("Where the peaks are cut"),
    "energy_share_pct": _("Energy made at this limit"),
    "hours": _("Hours in all"),
    "longest_hours": _("Longest stretch in hours"),
    "stretches": _("Stretches"),
    "ongoing": _("Still so (1) or over (0)"),
    "latest_kw": _("Value it stood at"),
    "standby_kw": _("Power at night"),
    "usual_kw": _("Usual power"),
    "kwh_per_year": _("In a year"),
    "present_cost": _("Cost as it was, a week"),
    "best_cost": _("Cost at best, a week"),
    "moved_kwh": _("Energy moved a week"),
    "freed_kwh": _("Energy set free"),
    "saving_cost": _("Saved a week"),
    "reserve_pct": _("Reserve held"),
    "hours_at_reserve": _("Hours at the reserve, a week"),
    "hours_per_week": _("Hours a week"),
    "limit_kw": _("Limit at the meter"),
    "usual_hour": _("Usual beginning"),
    "best_hour": _("Cheapest beginning"),
    "runs_per_week": _("Runs a week"),
    "runs": _("Runs looked at"),
    "kwh_per_run": _("Energy of a run"),
    "cost_per_run": _("Cost of a run"),
    "saving_per_run": _("Saved by a run"),
    "fade_pct": _("Less in a year"),
    "low_pct": _("Less in a year, at least"),
    "high_pct": _("Less in a year, at most"),
    "capacity_kwh": _("Usable now"),
    "first_kwh": _("Usable at first"),
    "weeks": _("Weeks with a measurement"),
    "span_weeks": _("Weeks looked at"),
    "round_trip_pct": _("Given back of what goes in"),
    "confidence_pct": _("How likely it is so"),
}
# Kinds whose confidence is a probability; that of the others only ranks them.
PROBABLE: Final = frozenset({"string_below_last_year", "shift_appliance", "battery_fade"})
