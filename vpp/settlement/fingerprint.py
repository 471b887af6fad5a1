"""One hash for one set of inputs, so that a settlement can be computed again and compared."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from vpp.settlement.errors import SettlementError


def canonical(inputs: Mapping[str, object]) -> str:
    """Canonical JSON: sorted keys, no spaces, ASCII.

    Decimals are text without trailing zeros and exponent, instants are in UTC, NaN (missing) is null,
    numpy arrays are lists. So 1.50 and 1.5 are one price, and one instant in two zones is one instant.

    Raises
    ------
    SettlementError
        For infinite numbers, instants without a zone, keys that are no text, and types it does not know.
    """
    return json.dumps(_plain(inputs), sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(inputs: Mapping[str, object]) -> str:
    """SHA-256 (hex) over `canonical`, with its errors."""
    return text_fingerprint(canonical(inputs))


def text_fingerprint(text: str) -> str:
    """SHA-256 (hex) of canonical JSON that was kept.

    Raises
    ------
    SettlementError
        For text that is not ASCII, which canonical JSON always is.
    """
    try:
        return hashlib.sha256(text.encode("ascii")).hexdigest()
    except UnicodeEncodeError:
        raise SettlementError("this is no canonical JSON") from None


def _plain(value: object) -> object:
    # Arrays by what they can do: the web door, which reads prices and limits only, starts without numpy.
    if callable(to_list := getattr(value, "tolist", None)):
        return _plain(to_list())
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SettlementError("a key is no text")
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(part) for part in value]
    return _scalar(value)


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise SettlementError("a number is infinite")
        return None if math.isnan(value) else value
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise SettlementError(f"{value} has no time zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise SettlementError(f"cannot hash a {type(value).__name__}")


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise SettlementError("a number is not finite")
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
