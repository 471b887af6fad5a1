import numpy as np
import pytest

from vpp.diagnostics.checks import DiagnosticsError
from vpp.diagnostics.peer_faults import peer_fault_findings, peer_faults
from vpp.diagnostics.peers import nearest_peers, peer_ratio, similar_peers
from vpp.intervals import Grid, from_ms

DAYS = 80
NAMES = [f"roof {at}" for at in range(9)]


def fleet(*, seed: int = 0) -> np.ndarray:
    """Nine plants under one sky, with 2 % of noise."""
    chance = np.random.default_rng(seed)
    return chance.uniform(2, 5, DAYS) * chance.normal(1, 0.02, (9, DAYS)) * chance.uniform(0.8, 1.1, (9, 1))


def test_the_nearest_are_the_nearest_also_across_the_date_line() -> None:
    found = nearest_peers([0, 0, 0, 0, 0], [179.9, -179.9, 179.5, 178.0, 0.0], count=3)
    assert found[0].tolist() == [1, 2, 3]
    assert found[4][0] == 3
    assert nearest_peers(np.zeros(5), np.zeros(5), count=3).shape == (5, 3)  # all in one place
    assert all(at not in row for at, row in enumerate(nearest_peers(np.zeros(5), np.zeros(5), count=3)))


def test_the_most_similar_share_the_sky() -> None:
    one, other = fleet(seed=1)[:5], fleet(seed=2)[:5]
    found = similar_peers(np.concatenate([one, other]), count=4)
    assert (found[:5] < 5).all()
    assert (found[5:] >= 5).all()
    assert all(at not in row for at, row in enumerate(found))


def test_a_ratio_by_hand() -> None:
    daily = np.array([[2.0, 2, np.nan, 2], [4, 4, 4, 0.1], [4, 4, 4, 0.1], [5, np.nan, 4, 0.1]])
    found = peer_ratio(daily, np.array([[1, 2, 3]] * 4))
    # Two peers are too few on the second day, and the last is too dark.
    assert found.ratio[0, 0] == 0.5
    assert np.isnan(found.ratio[0, 1:]).all()
    assert np.isnan(found.usual).all()  # four days teach nothing


def test_a_step_and_a_decline_are_told_apart() -> None:
    daily = fleet()
    daily[0, 50:] *= 0.8
    daily[1, 45:] *= 1 - 0.007 * np.arange(1, DAYS - 44)
    daily[2, 60:] = 0.0
    found = peer_faults(peer_ratio(daily, similar_peers(daily[:, :30])))
    findings = peer_fault_findings(found, NAMES, days=Grid(from_ms(0), 86400, DAYS))
    assert [(each.resource, each.kind) for each in findings] == [
        ("roof 0", "failing_string"),
        ("roof 1", "soiling"),
        ("roof 2", "plant_outage"),
    ]
    assert found.since[[0, 2]].tolist() == [50, 60]
    assert abs(found.since[1] - 45) <= 10
    assert found.detected[[0, 2]].tolist() == [52, 62]
    assert found.loss[0] == pytest.approx(0.2, abs=0.05)  # three of nine are at fault
    assert findings[0].since == from_ms(50 * 86_400_000)
    assert [each.severity for each in findings] == ["warning", "warning", "critical"]


def test_rain_ends_a_decline() -> None:
    daily = fleet(seed=3)
    daily[1, 40:65] *= 1 - 0.008 * np.arange(25)
    found = peer_faults(peer_ratio(daily, similar_peers(daily[:, :30])))
    assert np.flatnonzero(found.detected >= 0).tolist() == [1]
    assert found.declines[1]
    assert found.loss_now[1] == pytest.approx(0, abs=0.03)


def test_a_healthy_fleet_and_a_wild_day_are_no_fault() -> None:
    daily = fleet(seed=4)
    daily[3, 55] *= 0.1
    daily[5, 50:53] = np.nan
    found = peer_faults(peer_ratio(daily, similar_peers(daily[:, :30])))
    assert (found.detected == -1).all()
    assert peer_fault_findings(found, NAMES, days=Grid(from_ms(0), 86400, DAYS)) == []


def test_one_faulty_peer_accuses_nobody_else() -> None:
    daily = fleet(seed=5)
    daily[0, 45:] = 0
    found = peer_faults(peer_ratio(daily, similar_peers(daily[:, :30])))
    assert np.flatnonzero(found.detected >= 0).tolist() == [0]


def test_what_does_not_fit_is_refused() -> None:
    daily = fleet()
    for peers in (np.zeros((3, 4), int), np.full((9, 3), 9), np.zeros((9, 3))):
        with pytest.raises(DiagnosticsError):
            peer_ratio(daily, peers)  # type: ignore[arg-type]
    for count in (2, 9):
        with pytest.raises(DiagnosticsError):
            similar_peers(daily, count=count)
    with pytest.raises(DiagnosticsError, match="below 0"):
        similar_peers(-daily)
    with pytest.raises(DiagnosticsError, match="places on the globe"):
        nearest_peers([91.0] * 5, [0.0] * 5, count=3)
    found = peer_faults(peer_ratio(daily, similar_peers(daily)))
    with pytest.raises(DiagnosticsError):
        peer_fault_findings(found, NAMES[1:], days=Grid(from_ms(0), 86400, DAYS))


def test_nothing_to_compare() -> None:
    found = peer_faults(peer_ratio(np.full((5, 10), np.nan), np.array([[1, 2, 3]] * 5)))
    assert (found.detected == -1).all()
    assert (peer_faults(peer_ratio(np.empty((5, 0)), np.array([[1, 2, 3]] * 5))).detected == -1).all()
