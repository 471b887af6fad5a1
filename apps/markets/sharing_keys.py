"""A day's meter data turned into credits by a community's key; nothing but its arguments goes in."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

Net = Sequence[int | None]


@dataclasses.dataclass(frozen=True)
class Shared:
    """What each home is credited and gives away in each interval [Wh]."""

    credited_wh: list[list[int]]
    given_wh: list[list[int]]


def share_day(
    *, net_wh: Sequence[Net], parts: Sequence[int], key: Literal["static", "dynamic", "hybrid"]
) -> Shared:
    """Share what homes feed in over those that draw, interval by interval; a home without meter data does neither.

    With fixed parts, those of homes that have data count. Who feeds in gives in proportion to what is fed in.
    """
    import numpy as np

    count = len(net_wh[0]) if net_wh else 0
    net: Any = np.array([[value or 0 for value in row] for row in net_wh], np.int64).reshape(
        len(net_wh), count
    )
    known = np.array([[value is not None for value in row] for row in net_wh], bool).reshape(net.shape)
    credited, given = np.zeros_like(net), np.zeros_like(net)
    fixed = np.array(parts, np.int64)
    for index in range(count):
        column = _interval(net[:, index], np.where(known[:, index], fixed, 0), key=key)
        credited[:, index], given[:, index] = column
    return Shared(credited.tolist(), given.tolist())


def _interval(net: Any, parts: Any, *, key: Literal["static", "dynamic", "hybrid"]) -> tuple[Any, Any]:
    import numpy as np

    from vpp.markets.rationing import share_pro_rata
    from vpp.markets.sharing_keys import share_generation

    drawn, fed = np.maximum(net, 0), np.maximum(-net, 0)
    if not fed.any() or not drawn.any() or (key != "dynamic" and not parts.any()):
        return np.zeros_like(net), np.zeros_like(net)
    credit = share_generation(int(fed.sum()), drawn, key=key, parts=None if key == "dynamic" else parts)
    return credit, share_pro_rata(int(credit.sum()), fed, key=np.arange(len(net)))
