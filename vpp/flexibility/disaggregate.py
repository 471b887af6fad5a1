"""Hand the aggregate's power out to its devices, exactly, by the convex weights it was found with."""

import numpy as np
from numpy.typing import NDArray

from vpp.flexibility.aggregate import AggregateError, AggregateResult
from vpp.flexibility.support import Oracle

Floats = NDArray[np.float64]
TOLERANCE = 1e-9


def disaggregate(result: AggregateResult, oracle: Oracle) -> Floats:
    """Each device's profile (N, T) [kW]; they add up to `result.power_kw`.

    P = sum_k w_k v(c_k) is made by p_i = sum_k w_k v_i(c_k): every v_i is possible for its device and what is possible
    is convex, so every p_i is, with no optimization a device. Devices are asked again for the K prices that carry
    weight instead of keeping their columns: O(K N T) time, O(N T) memory.

    Parameters
    ----------
    oracle
        The one that `solve_over_aggregate` had.

    Raises
    ------
    AggregateError
        For an oracle of another number of devices.
    """
    profiles = np.zeros((len(result.group_of), result.prices.shape[1]))
    for prices, weights in zip(result.prices, result.weights, strict=True):
        answer = np.asarray(oracle(prices), dtype=np.float64)
        if answer.shape != profiles.shape:
            raise AggregateError(f"devices answered with shape {answer.shape} instead of {profiles.shape}")
        profiles += weights[result.group_of][:, None] * answer
    return profiles


def combine(columns: Floats, weights: Floats) -> Floats:
    """The mixture (N, T) of columns (K, N, T) with convex weights (K,).

    Raises
    ------
    AggregateError
        For weights that do not fit, are negative or do not sum to 1.
    """
    if columns.ndim != 3 or weights.shape != columns.shape[:1]:
        raise AggregateError(f"columns {columns.shape} and weights {weights.shape} do not fit")
    if not ((weights >= 0).all() and abs(float(weights.sum()) - 1.0) <= TOLERANCE):
        raise AggregateError("weights must be at least 0 and sum to 1")
    return np.asarray(np.einsum("k,knt->nt", weights, columns))
