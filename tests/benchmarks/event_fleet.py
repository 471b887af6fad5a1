"""What random homes can give, without a database."""

import numpy as np

from vpp.flexibility.envelope import ShedEnvelope


def random_envelope(homes: int, intervals: int) -> ShedEnvelope:
    """Return batteries only, of 5 kW and up to 8 kWh each."""
    chance = np.random.default_rng(0)
    shape = (homes, intervals)
    baseline = chance.gamma(2.0, 0.5, shape)
    return ShedEnvelope(
        names=tuple(f"Home {index}" for index in range(homes)),
        interval_s=900,
        baseline_kw=baseline,
        idle_net_kw=baseline,
        battery_kw=np.full(shape, 5.0),
        battery_kwh=chance.uniform(2.0, 8.0, homes),
        ev_kw=np.zeros(shape),
        heat_kw=np.zeros(shape),
        heat_kwh=np.zeros(homes),
        headroom_kw=np.full(shape, 5.0),
    )
