"""Clearing curves as a chart: what buyers would pay and sellers take, by quantity."""

from collections.abc import Iterable, Sequence

from apps.common.charts import UNITS, Chart, Drawn, Tick, nice_ticks
from apps.markets.inputs import OrderLine

Step = tuple[float, float]


def clearing_chart(
    *, lines: Sequence[OrderLine], cleared: tuple[int, int | None], currency: str
) -> Chart | None:
    """Draw demand falling and supply rising; `cleared` is the volume [Wh] and the price [1e-6 per kWh], if it is one."""
    bids = _steps(sorted((-one.price_micro, one.offered_wh) for one in lines if one.side == 1), sign=-1)
    offers = _steps(sorted((one.price_micro, one.offered_wh) for one in lines if one.side == -1), sign=1)
    if not bids and not offers:
        return None
    ends = [curve[-1][0] for curve in (bids, offers) if curve]
    x_ticks = nice_ticks(0.0, max(ends))
    prices = [price for _, price in (*bids, *offers)]
    y_ticks = nice_ticks(min(0.0, *prices), max(0.0, *prices))
    frame = (x_ticks[-1], y_ticks[0], y_ticks[-1])
    volume, price = cleared[0] / 1000, None if cleared[1] is None else cleared[1] / 1e6
    drawn = [Drawn("used", "line", _path(bids, frame)), Drawn("sun", "line", _path(offers, frame))]
    legend = [("used", "line", "bids"), ("sun", "line", "offers")]
    if price is not None:
        drawn.append(
            Drawn("planned", "line", _path([(0.0, price), (volume, price), (volume, frame[1])], frame))
        )
        legend.append(("planned", "line", f"cleared: {volume:g} kWh at {price:g} {currency}"))
    return Chart(
        title="Bids and offers by quantity",
        drawn=drawn,
        legend=legend,
        x_ticks=[
            Tick(_percent(value / frame[0]), f"{value:g} kWh", _anchor(value / frame[0])) for value in x_ticks
        ],
        y_ticks=[
            Tick(_percent(_down(value, frame)), f"{value:g} {currency}".replace("-", "−"))
            for value in y_ticks
        ],
        zero=_percent(_down(0.0, frame)),
        now="",
        hovers=[],
    )


def _steps(ordered: Iterable[tuple[int, int]], *, sign: int) -> list[Step]:
    """Corners (kWh so far, price per kWh) of a curve."""
    corners: list[Step] = []
    total = 0
    for price, quantity in ordered:
        if quantity:
            corners.append((total / 1000, sign * price / 1e6))
            total += quantity
            corners.append((total / 1000, sign * price / 1e6))
    return corners


def _path(corners: Sequence[Step], frame: tuple[float, float, float]) -> str:
    if not corners:
        return ""
    return "M" + "L".join(f"{x / frame[0] * UNITS:.1f} {_down(y, frame) * UNITS:.1f}" for x, y in corners)


def _down(price: float, frame: tuple[float, float, float]) -> float:
    return (frame[2] - price) / (frame[2] - frame[1])


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"


def _anchor(share: float) -> str:
    return "start" if share < 0.03 else "end" if share > 0.97 else "middle"
