"""Every template can be read: its tags and filters are there, also in branches that no other test walks."""

from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).parents[2] / "apps"
TEMPLATES = sorted(
    str(path.relative_to(folder))
    for folder in ROOT.glob("*/templates")
    for path in folder.rglob("*")
    if path.suffix in {".html", ".txt"}
)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_can_be_read(name: str) -> None:
    get_template(name)
