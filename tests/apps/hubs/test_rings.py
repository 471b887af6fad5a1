"""When an update goes on, and when it stops by itself."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.hubs.rings import RINGS, Progress, Step, next_step, ring_of
from vpp.protocols.link.update import VersionError, parsed_version, ring_position, target_name

TABLE = [
    (Progress(0, 0, 0, 0), 0, True, Step("advance", "no hub is in this ring")),
    (Progress(0, 0, 0, 0), 2, True, Step("finish", "every hub has answered")),
    (Progress(10, 10, 0, 0), 0, True, Step("wait")),
    (Progress(10, 0, 9, 0), 0, False, Step("wait")),
    (Progress(10, 0, 8, 0), 0, True, Step("advance", "8 of 10 hubs are healthy")),
    (Progress(10, 0, 7, 0), 0, True, Step("wait")),
    (Progress(10, 6, 4, 0), 1, True, Step("advance", "4 of 4 hubs are healthy")),
    (Progress(1, 0, 0, 1), 0, False, Step("stop", "1 of 1 hubs failed, more than 5 %")),
    (Progress(100, 60, 38, 2), 1, True, Step("advance", "38 of 40 hubs are healthy")),
    (Progress(100, 60, 37, 3), 1, True, Step("stop", "3 of 40 hubs failed, more than 5 %")),
    (Progress(100, 37, 60, 3), 1, True, Step("advance", "60 of 63 hubs are healthy")),
    (Progress(1000, 1, 990, 9), 2, True, Step("wait")),
    (Progress(1000, 0, 991, 9), 2, False, Step("finish", "every hub has answered")),
]


@pytest.mark.parametrize(("progress", "ring", "soaked", "step"), TABLE)
def test_each_step(progress: Progress, ring: int, soaked: bool, step: Step) -> None:
    assert next_step(progress, ring=ring, soaked=soaked, healthy_pct=80, failed_pct=5) == step


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 2), st.booleans())
def test_no_ring_is_opened_over_too_many_failures(
    waiting: int, healthy: int, failed: int, ring: int, soaked: bool
) -> None:
    progress = Progress(waiting + healthy + failed, waiting, healthy, failed)
    step = next_step(progress, ring=ring, soaked=soaked, healthy_pct=80, failed_pct=5)
    if failed >= 3 and failed * 100 > 5 * (healthy + failed):
        assert step.do == "stop"
    if step.do == "advance":
        assert ring < 2
        assert progress.hubs == 0 or healthy > 0


def test_rings_are_nested_stable_and_about_as_large_as_they_say() -> None:
    hubs = [str(uuid.UUID(int=number)) for number in range(20_000)]
    rings = [ring_of(hub, is_test_hub=False) for hub in hubs]
    assert rings == [ring_of(hub, is_test_hub=False) for hub in hubs]
    shares = [100 * sum(ring <= index for ring in rings) / len(hubs) for index in range(3)]
    assert shares == pytest.approx(RINGS, rel=0.1)
    assert ring_of(hubs[0], is_test_hub=True) == 0
    assert 0 <= min(map(ring_position, hubs)) < max(map(ring_position, hubs)) < 100


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3\n", "-1.2.3", "1.2.123456"]
)
def test_what_is_no_version_names_no_target(text: str) -> None:
    with pytest.raises(VersionError):
        target_name(text)


def test_versions_are_compared_by_their_numbers() -> None:
    assert parsed_version("1.10.0") > parsed_version("1.9.9")
    assert target_name("1.10.0") == "edge-agent-1.10.0.archive"
