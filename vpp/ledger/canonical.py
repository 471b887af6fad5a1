"""One byte string for one payload.

RFC 8785 (JSON Canonicalization Scheme) without floating point: UTF-8, no spaces, keys in ASCII and sorted, whole
numbers that every JSON reader keeps exactly. Money and larger numbers go in as text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from vpp.ledger.errors import PayloadError

LARGEST_NUMBER: Final = 2**53 - 1
DEEPEST: Final = 32


def canonical_bytes(payload: Mapping[str, object]) -> bytes:
    """Return the canonical form of a payload.

    Parameters
    ----------
    payload
        Nested mappings and sequences of text, whole numbers up to 2**53 - 1, booleans and None.

    Raises
    ------
    PayloadError
        For anything else: floats, bytes, keys that are no ASCII text, larger numbers, text with lone surrogates, and
        nesting deeper than 32.
    """
    _check(payload, depth=0)
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise PayloadError("a text has half a character") from None


def _check(value: object, *, depth: int) -> None:
    if depth > DEEPEST:
        raise PayloadError(f"the payload is nested deeper than {DEEPEST}")
    kind = type(value)
    if kind is int:
        if abs(value) > LARGEST_NUMBER:  # type: ignore[arg-type]
            raise PayloadError("a number is too large for every reader: make it text")
    elif kind is dict:
        _check_mapping(value, depth=depth)  # type: ignore[arg-type]
    elif kind in (list, tuple):
        _check_items(value, depth=depth)  # type: ignore[arg-type]
    elif kind is not str and kind is not bool and value is not None:
        raise PayloadError(f"there is no canonical form of {kind.__name__}")


def _check_mapping(value: Mapping[object, object], *, depth: int) -> None:
    for key, part in value.items():
        if type(key) is not str or not key.isascii():
            raise PayloadError("a key is no ASCII text")
        _check(part, depth=depth + 1)


def _check_items(value: Sequence[object], *, depth: int) -> None:
    for part in value:
        _check(part, depth=depth + 1)
