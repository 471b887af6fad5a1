"""What a grid signal is and asks for, in words that operators read."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.common.language import separated
from apps.programs.models import GridSignal, Program

Kind = GridSignal.Kind
NAMES: Final[Mapping[str, str]] = {
    Kind.SHED: noop("load reduction"),
    Kind.SETPOINT: noop("power setpoint"),
    Kind.LEVEL: noop("level"),
    Kind.PRICE: noop("price"),
    Kind.EXPORT_PRICE: noop("export price"),
    Kind.GHG: noop("greenhouse gas"),
    Kind.CHARGE_STATE: noop("charge state"),
    Kind.IMPORT_LIMIT: noop("import limit"),
    Kind.EXPORT_LIMIT: noop("export limit"),
    Kind.DEVICE: noop("for devices"),
    Kind.NOTICE: noop("notice"),
}
SHARES: Final[Mapping[float, str]] = {
    0.25: noop("a quarter of what the homes can give"),
    0.5: noop("half of what the homes can give"),
    0.75: noop("three quarters of what the homes can give"),
    1.0: noop("all that the homes can give"),
}
# Alerts of OpenADR 3 as people say them.
ALERTS: Final = (
    noop("grid emergency"), noop("black start"), noop("possible outage"), noop("flex alert"), noop("fire"),
    noop("freezing"), noop("wind"), noop("tsunami"), noop("air quality"), noop("other"),
)  # fmt: skip
LISTED: Final = 3


def kind_words(signal: GridSignal) -> str:
    """Name what kind of signal it is."""
    if "alert" in signal.detail:
        return _("alert: %(alert)s") % {"alert": alert_words(signal)}
    return _(NAMES[signal.kind])


def alert_words(signal: GridSignal) -> str:
    """Name an alert as people say it: `grid emergency`."""
    name = str(signal.detail.get("alert", ""))
    return _(name.removeprefix("ALERT_").replace("_", " ").lower()) if name else ""


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
        payload = signal.detail.get("payload") or _("a payload")
        return _("%(payload)s, passed on to devices that know it") % {"payload": payload}
    if signal.kind == Kind.NOTICE:
        return _("nothing; it is for people to know")
    if signal.kind in {Kind.IMPORT_LIMIT, Kind.EXPORT_LIMIT}:
        return _limit(signal, values)
    if not values:
        return _("nothing")
    if signal.kind == Kind.LEVEL:
        return _levels(signal, values)
    return _numbers(signal, values)


def _numbers(signal: GridSignal, values: Sequence[float]) -> str:
    currency = str(signal.detail.get("currency") or signal.program.currency)
    if signal.kind == Kind.CHARGE_STATE and signal.detail.get("unit") != "kWh":
        return _("batteries %(level)s %% full") % {"level": _range([value * 100 for value in values])}
    after = {
        Kind.SHED: _("kW less than usual"),
        Kind.SETPOINT: _("kW in all, drawn by the homes together"),
        Kind.PRICE: _("%(currency)s per kWh") % {"currency": currency},
        Kind.EXPORT_PRICE: _("%(currency)s for each exported kWh") % {"currency": currency},
        Kind.GHG: _("g of greenhouse gas per kWh"),
        Kind.CHARGE_STATE: _("kWh in all batteries together"),
    }
    return f"{_range(values)} {after[GridSignal.Kind(signal.kind)]}"


def _levels(signal: GridSignal, values: Sequence[float]) -> str:
    shares = [0.0, *signal.program.level_shares]
    said = [
        _("level %(level)s: %(what)s")
        % {"level": level, "what": _("nothing") if not level else _share(shares[level])}
        for level in sorted({int(value) for value in values})
    ]
    return "; ".join(said)


def _share(share: float) -> str:
    known = SHARES.get(share)
    if known:
        return _(known)
    return _("%(share)s %% of what the homes can give") % {"share": separated(f"{share * 100:g}")}


def _limit(signal: GridSignal, values: Sequence[float]) -> str:
    way = _("drawn") if signal.kind == Kind.IMPORT_LIMIT else _("fed in")
    is_home = signal.program.capacity_scope == Program.CapacityScope.HOME
    facts = {"way": way, "who": _("each home") if is_home else _("all homes together")}
    said = [_("at most %(kw)s kW %(way)s by %(who)s") % {"kw": _range(values), **facts}] if values else []
    fallback = signal.detail.get("fallback_kw")
    if fallback is not None:
        kw = separated(f"{fallback:g}")
        text = (
            _("%(kw)s kW where no limit is said")
            if values
            else _("%(kw)s kW %(way)s by %(who)s where no limit is said")
        )
        said.append(text % {"kw": kw, **facts})
    return "; ".join(said) or _("nothing")


def _range(values: Sequence[float]) -> str:
    low, high = (separated(f"{round(value, 4):g}".replace("-", "−")) for value in (min(values), max(values)))
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}
