"""What a grid signal does to a home, in plain words."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.common.language import separated
from apps.programs.models import GridSignal, Program
from apps.programs.wording import alert_words

Kind = GridSignal.Kind
WARNINGS: Final[Mapping[str, str]] = {
    "ALERT_POSSIBLE_OUTAGE": noop("a possible power outage"),
    "ALERT_FIRE": noop("a fire warning"),
    "ALERT_FREEZING": noop("a frost warning"),
    "ALERT_WIND": noop("a storm warning"),
    "ALERT_TSUNAMI": noop("a tsunami warning"),
}
DOES: Final[Mapping[str, str]] = {
    Kind.PRICE: noop("Your battery charges while power is cheap and gives it back while power is dear."),
    Kind.EXPORT_PRICE: noop("Your battery feeds power in while the grid pays well for it."),
    Kind.GHG: noop("Your battery charges while power is clean and gives it back while it is not."),
    Kind.NOTICE: noop("This is for you to know. Nothing is asked of your home."),
}


def does_words(signal: GridSignal) -> str:
    """Say what a signal that is no shed does to the home."""
    if signal.kind == Kind.CHARGE_STATE:
        return _charge(signal)
    if signal.kind in {Kind.IMPORT_LIMIT, Kind.EXPORT_LIMIT}:
        return _limit(signal)
    if signal.kind == Kind.DEVICE:
        payload = signal.detail.get("payload", "")
        said = _(
            "A message for your devices (%(payload)s) was passed on to your hub. Devices that know it act on it."
        )
        return said % {"payload": payload}
    return _(DOES[signal.kind])


def _charge(signal: GridSignal) -> str:
    if "alert" in signal.detail:
        known = WARNINGS.get(str(signal.detail["alert"]))
        warning = _(known) if known else alert_words(signal)
        return _("Your battery is kept full because of %(warning)s.") % {"warning": warning}
    values = [value for value in signal.values if value is not None]
    if signal.detail.get("unit") == "kWh" or not values:
        return _("Your battery keeps its part of the energy that the grid may need.")
    return _("Your battery is kept at least %(level)s %% full.") % {"level": f"{max(values) * 100:.0f}"}


def _limit(signal: GridSignal) -> str:
    imports = signal.kind == Kind.IMPORT_LIMIT
    if signal.program.capacity_scope == Program.CapacityScope.FLEET:
        if imports:
            return _("Your battery helps to keep what all homes together draw from the grid below a limit.")
        return _("Your battery helps to keep what all homes together feed into it below a limit.")
    values = [value for value in signal.values if value is not None]
    fallback = signal.detail.get("fallback_kw")
    least = min(values) if values else fallback
    said = (
        _("Your home draws at most %(kw)s kW from the grid.")
        if imports
        else _("Your home feeds at most %(kw)s kW into the grid.")
    )
    return said % {"kw": "–" if least is None else separated(f"{least:g}")}
