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
}  # fmt: skip
