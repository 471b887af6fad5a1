"""Local energy markets: orders in, fills, prices and accounts out. Pure, deterministic, one mechanism a file.

Interface
---------
Orders come as one frozen `Orders` of equally long arrays (`make_orders` checks them, `screen` sorts out the bad ones
with a code for each). A mechanism is a function from orders, and what else it needs, to a frozen result:

==============================  ===========================================================================
`clear_uniform_price`           `Clearing`: one price between two bounds, ties pro rata after a priority class
`clear_pay_as_bid`              `Clearing`: the same fills, each at its own price
`clear_mcafee`                  `Clearing`: one lot each, buyers' and sellers' price
`clear_huang`                   `Clearing`: the marginal buyer and seller stand back and set the prices
`clear_muda`                    `Clearing`: two halves trade at each other's price
`ContinuousBook`, `run_book`    trades one by one, price and time priority
`clear_peer_to_peer`            `Clearing` with trades: contracts, neighbors and green first
`clear_blocks`                  `BlockClearing`: orders of several periods with block, linked and exclusive orders
`clear_network`                 `NetworkClearing`: nodal prices within the rows of a `LinearNetwork`
`clear_links`                   `LinkClearing`: zones joined by links that lose energy
`clear_with_reserve`            `ReserveClearing`: energy and reserves together
`clear_low_income_first`        `EquityClearing`: low-income first within a stated sacrifice of welfare
`apply_lifeline`                a quota at a low price, paid for by a stated levy on surplus
==============================  ===========================================================================

Beside them: `cut_to_envelopes` before clearing, `pair_fills` for the origin of energy, `share_generation` for collective
self-consumption, `report_fairness`.

`mechanism_named(name)` gives those that take orders alone, each with its `Properties`.

Units, signs and exactness
--------------------------
- Energy is whole Wh (`_wh`), always >= 0 beside a side; `Clearing.energy_wh` is signed, drawn = positive.
- A price is a whole number of millionths of the currency per kWh (`_micro`): 0.25 per kWh is 250000. It may be negative.
- Money is a whole number of billionths of the currency (`_nano`), because micro/kWh x Wh = nano: no rounding anywhere
  between a fill and its payment. A payment > 0 is paid by the participant, < 0 is paid to it.
- `Clearing.account_nano` is what stays with the market: payments sum to it exactly.
- `side` is +1 for a bid (to buy) and -1 for an offer (to sell).
- Who stands first where prices are equal: the smaller `priority` class, then pro rata (call auctions) or the earlier
  `placed`, then the smaller `key`. Nothing depends on the position of an order in the arrays.
"""
