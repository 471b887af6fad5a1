"""A network as rows of limits that are linear in the power drawn at its nodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.markets.errors import NetworkError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearNetwork:
    """M limits on N nodes.

    Attributes
    ----------
    matrix
        Change of each row's quantity by one kW drawn at each node (M, N) [row's unit/kW].
    low, high
        Bounds (M,) [row's unit], without what is drawn anyway; infinite where there is none.
    names
        What each row is, such as `line 3` or `voltage 7`.
    """

    matrix: Floats
    low: Floats
    high: Floats
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        rows = (len(self.names),)
        if self.matrix.shape[:1] != rows or self.low.shape != rows or self.high.shape != rows:
            raise NetworkError("rows, bounds and names differ in number")
        if not np.isfinite(self.matrix).all() or np.isnan(self.low).any() or np.isnan(self.high).any():
            raise NetworkError("a number of the network is not finite")

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return int(self.matrix.shape[1])
