"""Payment rules as configuration: plain JSON in, a validated rule out, and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from vpp.settlement.errors import RuleError
from vpp.settlement.rules import PaymentRule, Tier

CONFIG_VERSION: Final = 1
_LONGEST_NUMBER: Final = 30
_MOST_TIERS: Final = 20


def rule_from_config(config: Mapping[str, Any]) -> PaymentRule:
    """Read a rule from its configuration.

    Numbers are text ("0.35") or whole numbers: a binary fraction such as 0.35 is not what was typed. What
    is left out has the rule's default; `version` may be left out and is 1 otherwise.

    Parameters
    ----------
    config
        The fields of `PaymentRule`, with `tiers` a list of ``{"at_least": "0.75", "factor": "1"}``.

    Raises
    ------
    RuleError
        For a field that is missing, unknown or without sense; the sentence names it.
    """
    if not isinstance(config, Mapping):
        raise RuleError("a payment rule is an object with named fields")
    given = {str(name): value for name, value in config.items()}
    version = given.pop("version", CONFIG_VERSION)
    if version != CONFIG_VERSION or isinstance(version, bool):
        raise RuleError(f"version is {version!r}, this platform knows {CONFIG_VERSION}")
    known = {field.name for field in fields(PaymentRule)}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise RuleError(f"{unknown[0][:60]} is no field of a payment rule")
    for name in ("energy_price", "currency"):
        if name not in given:
            raise RuleError(f"{name} is missing")
    return PaymentRule(**{name: _READERS.get(name, _amount)(name, value) for name, value in given.items()})


def config_of(rule: PaymentRule) -> dict[str, Any]:
    """Write a rule as configuration; `rule_from_config` reads it back."""
    return {
        "version": CONFIG_VERSION,
        **{field.name: _plain(getattr(rule, field.name)) for field in fields(rule)},
    }


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [{"at_least": str(tier.at_least), "factor": str(tier.factor)} for tier in value]
    return str(value) if isinstance(value, Decimal) else value


def _amount(name: str, value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise RuleError(f'{name} is {str(value)[:60]!r}, must be text like "0.35" or a whole number')
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**_LONGEST_NUMBER else ""
    try:
        if not 0 < len(text) <= _LONGEST_NUMBER or "_" in text:
            raise InvalidOperation
        return Decimal(text)
    except InvalidOperation:
        raise RuleError(f"{name} is {text[:60]!r}, which is no number") from None


def _optional_amount(name: str, value: object) -> Decimal | None:
    return None if value is None else _amount(name, value)


def _word(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise RuleError(f"{name} is {str(value)[:60]!r}, must be a word")
    return value


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RuleError(f"{name} is {str(value)[:60]!r}, must be a whole number")
    return value


def _tiers(name: str, value: object) -> tuple[Tier, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MOST_TIERS:
        raise RuleError(f"{name} must be a list of at most {_MOST_TIERS} tiers")
    return tuple(_tier(f"{name}[{index}]", tier) for index, tier in enumerate(value))


def _tier(name: str, value: object) -> Tier:
    if not isinstance(value, Mapping) or set(value) != {"at_least", "factor"}:
        raise RuleError(f"{name} must have at_least and factor, and nothing else")
    return Tier(
        at_least=_amount(f"{name}.at_least", value["at_least"]),
        factor=_amount(f"{name}.factor", value["factor"]),
    )


_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "currency": _word,
    "capacity_per": _word,
    "rounding_mode": _word,
    "rounding_per": _word,
    "month_events": _count,
    "penalty_cap": _optional_amount,
    "tiers": _tiers,
}
