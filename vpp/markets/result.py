"""What a clearing says of every order, and its accounts."""

from dataclasses import dataclass

import numpy as np

from vpp.markets.orders import BUY, Ints, Orders


@dataclass(frozen=True, slots=True)
class Trades:
    """M trades: indices of bid and offer, energy [Wh], price [1e-6 currency/kWh]; every array has shape (M,)."""

    bid: Ints
    offer: Ints
    energy_wh: Ints
    price_micro: Ints

    def __len__(self) -> int:
        return len(self.bid)


@dataclass(frozen=True, slots=True)
class Clearing:
    """Result for N orders, in their order.

    Attributes
    ----------
    fill_wh
        Energy of each order that trades [Wh], (N,), between 0 and its quantity.
    pay_nano
        What each order pays [1e-9 currency], (N,); negative is what it gets.
    buy_price_micro, sell_price_micro
        The prices of all buyers and of all sellers [1e-6 currency/kWh]; None where there is no single one.
    volume_wh
        Energy bought, which is energy sold [Wh].
    welfare_nano
        Value to the buyers less cost of the sellers, orders taken at their word [1e-9 currency].
    account_nano
        What stays with the market: the sum of `pay_nano` [1e-9 currency].
    trades
        Who trades with whom, where the mechanism says so.
    """

    fill_wh: Ints
    pay_nano: Ints
    buy_price_micro: int | None
    sell_price_micro: int | None
    volume_wh: int
    welfare_nano: int
    account_nano: int
    trades: Trades | None = None

    @property
    def price_micro(self) -> int | None:
        """The price of everyone [1e-6 currency/kWh], where there is one."""
        return self.buy_price_micro if self.buy_price_micro == self.sell_price_micro else None

    def energy_wh(self, orders: Orders) -> Ints:
        """Signed energy of each order [Wh], (N,): drawn = positive."""
        return orders.side * self.fill_wh

    def utility_nano(self, orders: Orders) -> Ints:
        """What each order gains over its own limit [1e-9 currency], (N,)."""
        return orders.side * orders.price_micro * self.fill_wh - self.pay_nano


def at_prices(orders: Orders, *, fill_wh: Ints, buy_micro: int | None, sell_micro: int | None) -> Clearing:
    """Return the clearing of fills (N,) [Wh] that all pay one price and all get one [1e-6 currency/kWh]."""
    prices = np.where(orders.side == BUY, buy_micro or 0, sell_micro or 0)
    return with_payments(
        orders, fill_wh=fill_wh, pay_nano=orders.side * prices * fill_wh, prices=(buy_micro, sell_micro)
    )


def with_payments(
    orders: Orders,
    *,
    fill_wh: Ints,
    pay_nano: Ints,
    prices: tuple[int | None, int | None] = (None, None),
    trades: Trades | None = None,
) -> Clearing:
    """Return the clearing of fills (N,) [Wh] and payments (N,) [1e-9 currency]."""
    signed = orders.side * fill_wh
    return Clearing(
        fill_wh=fill_wh,
        pay_nano=pay_nano,
        buy_price_micro=prices[0],
        sell_price_micro=prices[1],
        volume_wh=int(fill_wh[orders.side == BUY].sum()),
        welfare_nano=int((signed * orders.price_micro).sum()),
        account_nano=int(pay_nano.sum()),
        trades=trades,
    )
