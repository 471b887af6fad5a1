"""`make edge-demo`: the real hub with devices behind real wires; what it checks itself is what is asserted."""

import subprocess
import sys

from ores_cloud.local import ROOT
from tests.edge_agent.mosquitto import program
from tests.exhaustive import exhaustive

SHED = "shed ev before heat" if program() else "shed ev"


def play(*arguments: str) -> list[str]:
    """What the demo checked."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.edge_demo", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return [line.partition("checked: ")[2] for line in said.splitlines() if "checked: " in line]


def test_a_hub_without_a_grid_sheds_and_comes_back_by_itself() -> None:
    checked = play("--hour", "20", "--scale", "500")
    assert len(checked) == 8, checked
    assert checked[0].endswith(SHED)


@exhaustive
def test_the_demo_plays_from_the_sun_to_the_return_of_everything() -> None:
    checked = play("--fast")
    assert len(checked) == 13, checked
    assert [line for line in checked if "the plan of" in line]
