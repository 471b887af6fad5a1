"""The tutorial for aggregators, block by block, with the generated client, against a running platform."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.common.models import Job
from apps.programs.models import GridSignal
from apps.sites.models import Site
from tests import factories
from tests.exhaustive import exhaustive
from tests.factories import NOW

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "aggregator.md"


@exhaustive
@pytest.mark.django_db(transaction=True)
def test_every_block_runs_as_it_stands(live_server: Any, settings: Any, tmp_path: Path) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.drop_queued()
    subprocess.run(
        [sys.executable, "-m", "deploy.api_client", str(tmp_path)], cwd=PAGE.parents[2], check=True
    )
    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    (tmp_path / "tutorial.py").write_text(program)
    organization = factories.make_organization()
    made = factories.make_credential(organization=organization, role="aggregator")
    told = {"ORES_URL": live_server.url, "client_id": made.client_id, "client_secret": made.client_secret}
    with subprocess.Popen(
        [sys.executable, "tutorial.py"], cwd=tmp_path, env={**os.environ, **told}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as running:  # fmt: skip
        try:
            said, _ = _with_a_worker(running)
        finally:
            running.kill()
    assert running.returncode == 0, said
    assert Site.objects.filter(organization=organization).count() == 3
    assert GridSignal.objects.get(organization=organization).state == "canceled"
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def _with_a_worker(running: "subprocess.Popen[str]") -> tuple[str, str | None]:
    """Do what is queued until the program has ended."""
    for _ in range(240):
        try:
            return running.communicate(timeout=0.5)
        except subprocess.TimeoutExpired:
            factories.run_queued()
    raise AssertionError("the tutorial does not end")
