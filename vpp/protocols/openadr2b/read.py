"""Reading parts of an XSD-valid 2.0b message.

The library's own reading turns everything that looks like a number into one, identifiers too ("007" becomes
7), so values are taken from the tree by name. The functions take any element of the ElementTree kind.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from vpp.errors import VppError
from vpp.intervals import FOREVER, parse_duration
from vpp.protocols.openadr2b.vocabulary import INVALID_DATA, NAMESPACES, OpenADR2bError

_SIGNED = re.compile(r"^[+]")


def text(parent: Element, path: str) -> str:
    """Return the text at `path` (with prefixes), or an empty string."""
    return (parent.findtext(path, "", NAMESPACES) or "").strip()


def child(parent: Element, path: str) -> Element:
    """Return the element at `path`; `OpenADR2bError` where it is missing."""
    found = parent.find(path, NAMESPACES)
    if found is None:
        raise OpenADR2bError(f"{path} is missing", response_code=INVALID_DATA)
    return found


def children(parent: Element, path: str) -> list[Element]:
    """Return all elements at `path`."""
    return list(parent.findall(path, NAMESPACES))


def number(value: str) -> float:
    """Return a finite number; `OpenADR2bError` for anything else."""
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise OpenADR2bError(f"{value[:40]!r} is no finite number", response_code=INVALID_DATA)
    return found


def instant(value: str) -> datetime:
    """Return an instant in UTC; one without a zone is taken for UTC, as the profile has it."""
    try:
        at = datetime.fromisoformat(_trimmed(value))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise OpenADR2bError(f"{value[:40]!r} is no date and time", response_code=INVALID_DATA) from None
    return at


def length(value: str) -> timedelta:
    """Return a duration [s as timedelta]; the profile's zero stands for "without end" where it allows one."""
    try:
        found = parse_duration(_SIGNED.sub("", value))
    except VppError as error:
        raise OpenADR2bError(error.detail, response_code=INVALID_DATA) from None
    if found > FOREVER - datetime(2000, 1, 1, tzinfo=UTC):
        raise OpenADR2bError(f"{value[:40]!r} is longer than any calendar", response_code=INVALID_DATA)
    return found


def _trimmed(value: str) -> str:
    """Python reads six digits of a second; the schema allows more."""
    return re.sub(r"(\.\d{6})\d+", r"\1", value)
