"""What a plan explains, and why a home has no part in it."""

from typing import Final

from django.utils.translation import gettext_noop as noop

PHRASES: Final = (
    noop("The target is met in all %(intervals)s intervals by %(homes)s of %(all)s homes."),
    noop("%(n)s more intervals fall short."),
    noop(
        "Nothing of %(kw)s kW can be met %(where)s: the homes together are expected to draw %(more)s kW "
        "more than their baselines."
    ),
    noop("%(met)s of %(kw)s kW can be met %(where)s."),
    noop("at %(time)s"),
    noop("at step %(n)s"),
    noop("in interval %(n)s"),
    noop("step %(n)s"),
    noop("Up to %(kw)s kW more than asked for is expected, most %(where)s."),
    noop("1 battery reaches its reserve."),
    noop("%(n)s batteries reach their reserve."),
    noop("1 heat pump puts off as much heat as allowed."),
    noop("%(n)s heat pumps put off as much heat as allowed."),
    noop("1 home is held by its export limit."),
    noop("%(n)s homes are held by their export limit."),
    noop("1 home is expected to draw more than the baseline at times."),
    noop("%(n)s homes are expected to draw more than the baseline at times."),
    noop("%(limit)s costs %(price)s per kWh %(where)s."),
    noop("%(limit)s is missed by up to %(kw)s kW, most %(where)s."),
    noop("%(limit)s cannot be kept: %(kw)s kW below it %(where)s, in %(n)s steps in all."),
    noop("%(limit)s cannot be kept: %(kw)s kW above it %(where)s, in %(n)s steps in all."),
    noop("the utility's import limit"),
    noop("the utility's export limit"),
    noop("the target"),
    noop("the reserve"),
    noop("The solver gave no plan (%(error)s); the target is shared in proportion to head-room."),
    noop("Left out because their data is not complete: %(homes)s."),
    noop(
        "The plan is at most %(pct)s %% from the least cost there is: the search ended before it could "
        "prove less."
    ),
    noop(
        "The plan is at most %(pct)s %% from the least cost there is; %(n)s homes that switch follow one"
        " answer where the bound mixes several, which leaves %(open)s %% open."
    ),
    noop("Planned by %(kinds)s together."),
    noop("No battery whose state is known takes part, so nothing can be steered."),
    noop(
        "%(n)s batteries take %(charged)s kWh and give %(given)s kWh; at these prices that is %(saved)s "
        "%(currency)s better than leaving them at rest."
    ),
    noop("Left alone: %(n)s homes, %(why)s."),
    noop("no battery whose state is known"),
    noop("opted out"),
    noop("too little history for a forecast"),
    noop("too little history for a forecast of its load"),
    noop("too_few_days: %(n)s of %(most)s"),
    noop("not_adjusted: the adjustment window has no usable measurement"),
    noop("not_adjusted: the data does not reach over the adjustment window"),
    noop("it has sent no measurement yet"),
    noop("its hub describes a resource wrongly: %(error)s"),
    noop("Not every home can keep its limit (%(why)s); the plan leaves that to the hubs."),
    noop("No home takes part in this program, so nothing can be given."),
    noop("%(n)s kW were missing; 1 home with head-room is asked for %(more)s kW more."),
    noop("%(n)s kW were missing; %(homes)s homes with head-room are asked for %(more)s kW more."),
    noop("1 home serves another event that goes first."),
    noop("%(n)s homes serve another event that goes first."),
    noop("1 home has had its share of %(most)s event lately and is not asked."),
    noop("1 home has had its share of %(most)s events lately and is not asked."),
    noop("%(n)s homes have had their share of %(most)s event lately and are not asked."),
    noop("%(n)s homes have had their share of %(most)s events lately and are not asked."),
    noop("its data is not complete"),
    noop("nothing to give"),
    noop("not needed"),
    noop("gives all its battery has above the reserve"),
    noop("held by its export limit"),
    noop("puts off as much heat as allowed"),
    noop("gives all its power"),
    noop("gives part of what it could"),
)
# What operators read and no household does: other homes are named.
OF_HOMES: Final = (
    "Left out because their data is not complete: %(homes)s.",
    "Not every home can keep its limit (%(why)s); the plan leaves that to the hubs.",
)
