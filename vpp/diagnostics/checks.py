"""What every detector asks of the arrays it is given."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class DiagnosticsError(VppError):
    """Data a detector cannot use: shapes that do not fit, infinite or impossible values, a wrong threshold."""

    code = "invalid_diagnostics"


def checked(name: str, values: ArrayLike, *, dimensions: int, least: float = -math.inf) -> Floats:
    """Take numbers, NaN for missing, of the wanted number of dimensions and not below `least`."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DiagnosticsError(f"{name} is no rectangular array of numbers") from error
    if array.ndim != dimensions:
        raise DiagnosticsError(f"{name} of shape {array.shape} has not {dimensions} dimensions")
    if np.isinf(array).any():
        raise DiagnosticsError(f"{name} has an infinite value")
    if (array < least).any():
        raise DiagnosticsError(f"{name} has {np.nanmin(array):g}, which is below {least:g}")
    return array


def complete(name: str, values: ArrayLike, *, dimensions: int, least: float = -math.inf) -> Floats:
    """Take numbers of which none may be missing."""
    array = checked(name, values, dimensions=dimensions, least=least)
    if np.isnan(array).any():
        raise DiagnosticsError(f"{name} has a missing value")
    return array


def mask(name: str, values: ArrayLike, *, shape: tuple[int, ...]) -> Bools:
    """Take truth values of a shape, or of its last dimension for all rows."""
    array = np.asarray(values)
    if array.dtype != np.bool_:
        raise DiagnosticsError(f"{name} has values that are not true or false")
    try:
        return np.broadcast_to(array, shape)
    except ValueError as error:
        raise DiagnosticsError(f"{name} of shape {array.shape} does not fit {shape}") from error


def same_shape(name: str, array: Floats, *, shape: tuple[int, ...]) -> None:
    """Refuse an array of another shape.

    Raises
    ------
    DiagnosticsError
        Naming it.
    """
    if array.shape != shape:
        raise DiagnosticsError(f"{name} of shape {array.shape} does not fit {shape}")


def positive(name: str, value: float) -> None:
    """Refuse what is no finite number above zero.

    Raises
    ------
    DiagnosticsError
        Naming it.
    """
    if not (math.isfinite(value) and value > 0):
        raise DiagnosticsError(f"{name} is {value}, must be a finite number above zero")


def one_name_each(resources: Sequence[str], count: int) -> None:
    """Refuse names that are not as many as the rows of a result.

    Raises
    ------
    DiagnosticsError
        With both numbers.
    """
    if len(resources) != count:
        raise DiagnosticsError(f"{len(resources)} names do not fit {count} resources")


def median_of_rows(values: Floats) -> Floats:
    """(N,) median of what each row has; NaN for a row without a value, and no warning about it."""
    found = np.full(len(values), np.nan)
    has = ~np.isnan(values).all(axis=1) if values.shape[1] else np.zeros(len(values), dtype=np.bool_)
    if has.any():
        found[has] = np.nanmedian(values[has], axis=1)
    return found
