"""What a grid signal does to a home, in plain words."""

from collections.abc import Mapping
from typing import Final

from apps.programs.models import GridSignal, Program
from apps.programs.wording import alert_words

Kind = GridSignal.Kind
WARNINGS: Final[Mapping[str, str]] = {
    "ALERT_POSSIBLE_OUTAGE": "a possible power outage",
    "ALERT_FIRE": "a fire warning",
    "ALERT_FREEZING": "a frost warning",
    "ALERT_WIND": "a storm warning",
    "ALERT_TSUNAMI": "a tsunami warning",
}
DOES: Final[Mapping[str, str]] = {
    Kind.PRICE: "Your battery charges while power is cheap and gives it back while power is dear.",
    Kind.EXPORT_PRICE: "Your battery feeds power in while the grid pays well for it.",
    Kind.GHG: "Your battery charges while power is clean and gives it back while it is not.",
    Kind.NOTICE: "This is for you to know. Nothing is asked of your home.",
}


def does_words(signal: GridSignal) -> str:
    """Say what a signal that is no shed does to the home."""
    if signal.kind == Kind.CHARGE_STATE:
        return _charge(signal)
    if signal.kind in {Kind.IMPORT_LIMIT, Kind.EXPORT_LIMIT}:
        return _limit(signal)
    if signal.kind == Kind.DEVICE:
        payload = signal.detail.get("payload", "")
        return f"A message for your devices ({payload}) was passed on to your hub. Devices that know it act on it."
    return DOES[signal.kind]


def _charge(signal: GridSignal) -> str:
    if "alert" in signal.detail:
        warning = WARNINGS.get(str(signal.detail["alert"]), alert_words(signal))
        return f"Your battery is kept full because of {warning}."
    values = [value for value in signal.values if value is not None]
    if signal.detail.get("unit") == "kWh" or not values:
        return "Your battery keeps its part of the energy that the grid may need."
    return f"Your battery is kept at least {max(values) * 100:.0f} % full."


def _limit(signal: GridSignal) -> str:
    imports = signal.kind == Kind.IMPORT_LIMIT
    if signal.program.capacity_scope == Program.CapacityScope.FLEET:
        way = "draw from the grid" if imports else "feed into it"
        return f"Your battery helps to keep what all homes together {way} below a limit."
    values = [value for value in signal.values if value is not None]
    fallback = signal.detail.get("fallback_kw")
    least = min(values) if values else fallback
    way = "draws at most {} kW from the grid" if imports else "feeds at most {} kW into the grid"
    return f"Your home {way.format('–' if least is None else f'{least:g}')}."
