"""Which changes of a home a person would notice: those are told, the rest is not worth a message."""

from datetime import timedelta
from typing import Any, Final, Literal

from apps.assistants.selectors import Thing

Facts = dict[str, Any]
Notice = Literal["", "measured", "at once"]
# Measured values move all day: what they are is told at most so often.
MEASURED_EVERY: Final = timedelta(minutes=5)
LEAST_SOC_PCT: Final = 5
LEAST_KW: Final = 0.5
LEAST_SHARE: Final = 0.2
MEASURED: Final = frozenset({"soc_pct", "charging", "production_kw"})


def facts_of(thing: Thing) -> Facts:
    """Return what is told of a thing, the same for every maker."""
    home = thing.home
    if thing.kind == "home":
        return {"online": home.is_online, "mode": home.site.mode, "reserve_pct": home.reserve_pct}
    if thing.kind == "sun":
        kw = None if home.production_kw is None else round(home.production_kw, 2)
        return {"online": home.is_online, "production_kw": kw}
    return {
        "online": home.is_online, "soc_pct": home.soc_pct, "charging": home.is_charging,
        "charge_asked": home.charge_asked, "reserve_pct": home.reserve_pct,
    }  # fmt: skip


def shape_of(thing: Thing) -> str:
    """Return what, when it changes, makes a thing another one to a maker."""
    return f"{'controls' if thing.home.may_control else 'sees'} {thing.home.site.name}"


def notice(told: Facts, facts: Facts) -> Notice:
    """Say whether what has changed since it was told is to be told again."""
    changed = changed_names(told, facts)
    if changed - MEASURED:
        return "at once"
    return (
        "measured"
        if any(_is_noticed(name, told=told.get(name), value=facts.get(name)) for name in changed)
        else ""
    )


def changed_names(told: Facts, facts: Facts) -> set[str]:
    """Return which facts are not as they were told."""
    return {name for name in told.keys() | facts.keys() if told.get(name) != facts.get(name)}


def _is_noticed(name: str, *, told: Any, value: Any) -> bool:
    if name == "charging" or told is None or value is None:
        return True
    if name == "soc_pct":
        return abs(value - told) >= LEAST_SOC_PCT or value in {0, 100}
    return bool(abs(value - told) >= max(LEAST_KW, LEAST_SHARE * told))
