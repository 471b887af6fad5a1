"""What a grid signal is and asks for, in words that operators read."""

from collections.abc import Mapping, Sequence
from typing import Final

from apps.programs.models import GridSignal, Program

Kind = GridSignal.Kind
NAMES: Final[Mapping[str, str]] = {
    Kind.SHED: "load reduction",
    Kind.SETPOINT: "power setpoint",
    Kind.LEVEL: "level",
    Kind.PRICE: "price",
    Kind.EXPORT_PRICE: "export price",
    Kind.GHG: "greenhouse gas",
    Kind.CHARGE_STATE: "charge state",
    Kind.IMPORT_LIMIT: "import limit",
    Kind.EXPORT_LIMIT: "export limit",
    Kind.DEVICE: "for devices",
    Kind.NOTICE: "notice",
}
SHARES: Final[Mapping[float, str]] = {
    0.25: "a quarter of what the homes can give",
    0.5: "half of what the homes can give",
    0.75: "three quarters of what the homes can give",
    1.0: "all that the homes can give",
}
LISTED: Final = 3


def kind_words(signal: GridSignal) -> str:
    """Name what kind of signal it is."""
    if "alert" in signal.detail:
        return f"alert: {alert_words(signal)}"
    return NAMES[signal.kind]


def alert_words(signal: GridSignal) -> str:
    """Name an alert as people say it: `grid emergency`."""
    name = str(signal.detail.get("alert", ""))
    return name.removeprefix("ALERT_").replace("_", " ").lower()


def alert_title(signal: GridSignal) -> str:
    """Name an alert as a heading: `Grid emergency`."""
    return alert_words(signal).capitalize()


def rank_words(signal: GridSignal) -> str:
    """Say what it goes before others by, and for whom it is."""
    said = [] if signal.priority is None else [f"priority {signal.priority}"]
    if signal.targets:
        more = len(signal.targets) - LISTED
        named = ", ".join(signal.targets[:LISTED]) + (f" and {more} more" if more > 0 else "")
        said.append(f"for {named}")
    return " · ".join(said)


def asked_words(signal: GridSignal) -> str:
    """Say what it asks for, over all its intervals."""
    values = [value for value in signal.values or signal.target_kw if value is not None]
    if signal.kind == Kind.DEVICE:
        return f"{signal.detail.get('payload', 'a payload')}, passed on to devices that know it"
    if signal.kind == Kind.NOTICE:
        return "nothing; it is for people to know"
    if signal.kind in {Kind.IMPORT_LIMIT, Kind.EXPORT_LIMIT}:
        return _limit(signal, values)
    if not values:
        return "nothing"
    if signal.kind == Kind.LEVEL:
        return _levels(signal, values)
    return _numbers(signal, values)


def _numbers(signal: GridSignal, values: Sequence[float]) -> str:
    currency = str(signal.detail.get("currency") or signal.program.currency)
    if signal.kind == Kind.CHARGE_STATE and signal.detail.get("unit") != "kWh":
        return f"batteries {_range([value * 100 for value in values])} % full"
    after = {
        Kind.SHED: "kW less than usual",
        Kind.SETPOINT: "kW in all, drawn by the homes together",
        Kind.PRICE: f"{currency} per kWh",
        Kind.EXPORT_PRICE: f"{currency} for each exported kWh",
        Kind.GHG: "g of greenhouse gas per kWh",
        Kind.CHARGE_STATE: "kWh in all batteries together",
    }
    return f"{_range(values)} {after[GridSignal.Kind(signal.kind)]}"


def _levels(signal: GridSignal, values: Sequence[float]) -> str:
    shares = [0.0, *signal.program.level_shares]
    said = [
        f"level {level}: {'nothing' if not level else _share(shares[level])}"
        for level in sorted({int(value) for value in values})
    ]
    return "; ".join(said)


def _share(share: float) -> str:
    return SHARES.get(share, f"{share * 100:g} % of what the homes can give")


def _limit(signal: GridSignal, values: Sequence[float]) -> str:
    way = "drawn" if signal.kind == Kind.IMPORT_LIMIT else "fed in"
    who = "each home" if signal.program.capacity_scope == Program.CapacityScope.HOME else "all homes together"
    said = [f"at most {_range(values)} kW {way} by {who}"] if values else []
    fallback = signal.detail.get("fallback_kw")
    if fallback is not None:
        said.append(f"{fallback:g} kW {'' if values else f'{way} by {who} '}where no limit is said")
    return "; ".join(said) or "nothing"


def _range(values: Sequence[float]) -> str:
    low, high = (f"{round(value, 4):g}".replace("-", "−") for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
