"""What a home that trades by itself bids and offers: from what it will draw, what it can shift, and its owner's limits."""

import dataclasses
from typing import Final

BID: Final = 1
OFFER: Final = -1


@dataclasses.dataclass(frozen=True)
class Preferences:
    """An owner's limits [1e-6 of the currency per kWh]: most to pay, least to take, and what stored energy is worth."""

    buy_limit_micro: int
    sell_limit_micro: int
    storage_value_micro: int


@dataclasses.dataclass(frozen=True)
class Draft:
    """An order to be; firm energy flows whether it trades or not."""

    side: int
    price_micro: int
    quantity_wh: int
    green: bool = False
    firm: bool = False


def drafts(
    *,
    need_wh: int,
    spare_wh: int,
    preferences: Preferences,
    bounds_micro: tuple[int, int],
    room_wh: int = 0,
) -> list[Draft]:
    """Return the orders of a home that will draw `need_wh` (fed in is negative) and could give `spare_wh` from storage.

    What it must draw it bids for at its limit. What its storage could cover it bids for just below the storage's
    value, and offers what is left there at that value. A surplus it offers from its least price on; the `room_wh` of
    it that the storage could take, from the storage's value on. No bid reaches an own offer.
    """
    found = _bids(need_wh, spare_wh, preferences=preferences) if need_wh > 0 else []
    if need_wh < 0:
        found += _surplus(-need_wh, min(max(room_wh, 0), -need_wh), preferences=preferences)
    covered = sum(one.quantity_wh for one in found if one.side == BID and not one.firm)
    left = spare_wh - covered
    if left > 0:
        price = max(preferences.storage_value_micro, preferences.sell_limit_micro)
        found.append(Draft(OFFER, price, left))
    low, high = bounds_micro
    within = [dataclasses.replace(one, price_micro=min(max(one.price_micro, low), high)) for one in found]
    return _uncrossed([one for one in within if one.quantity_wh > 0])


def _bids(need_wh: int, spare_wh: int, *, preferences: Preferences) -> list[Draft]:
    """Storage stands in for a purchase only where it is worth less than the purchase may cost."""
    worth_it = preferences.storage_value_micro < preferences.buy_limit_micro
    covered = min(need_wh, max(spare_wh, 0)) if worth_it else 0
    return [
        Draft(BID, preferences.buy_limit_micro, need_wh - covered, firm=True),
        Draft(BID, preferences.storage_value_micro - 1, covered),
    ]


def _surplus(surplus_wh: int, kept_wh: int, *, preferences: Preferences) -> list[Draft]:
    """What the storage has no room for flows anyway; the rest is sold only for more than it is worth there."""
    stored = max(preferences.storage_value_micro, preferences.sell_limit_micro)
    return [
        Draft(OFFER, preferences.sell_limit_micro, surplus_wh - kept_wh, green=True, firm=True),
        Draft(OFFER, stored, kept_wh, green=True),
    ]


def _uncrossed(orders: list[Draft]) -> list[Draft]:
    highest = max((one.price_micro for one in orders if one.side == BID), default=None)
    return [one for one in orders if one.side == BID or highest is None or one.price_micro > highest]
