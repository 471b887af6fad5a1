"""Checks shared by all resources."""

import math

from vpp.errors import VppError


class ResourceError(VppError):
    """A resource with an impossible parameter or state."""

    code = "invalid_resource"


def require_between(
    name: str, value: float, *, low: float, high: float = math.inf, low_included: bool = True
) -> None:
    """Refuse a value that is no finite number within [low, high].

    Raises
    ------
    ResourceError
        Naming the parameter.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ResourceError(f"{name} is {value!r}, not a finite number")
    if value < low or value > high or (value == low and not low_included):
        least = "at least" if low_included else "more than"
        most = "" if math.isinf(high) else f" and at most {high:g}"
        raise ResourceError(f"{name} is {value:g}, must be {least} {low:g}{most}")
