"""How a program reads levels, limits and greenhouse gas."""

from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.programs.errors import ProgramInvalidError
from apps.programs.models import Program
from apps.programs.services import program_set_signals
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
GOOD: dict[str, Any] = {
    "level_shares": [0.1, 0.4, 0.9],
    "capacity_scope": "home",
    "carbon_price": Decimal("0.2500"),
}


def test_rules_are_set_and_what_they_were_is_kept() -> None:
    program = factories.make_program(organization=factories.make_organization())
    program_set_signals(program=program, actor="op", now=NOW, **GOOD)
    held = Program.objects.get(pk=program.pk)
    assert (held.level_shares, held.capacity_scope, held.carbon_price) == tuple(GOOD.values())
    entry = AuditEntry.objects.get(action="program_set_signals")
    assert entry.detail == {
        "level_shares": [0.1, 0.4, 0.9],
        "capacity_scope": "home",
        "carbon_price": "0.2500",
        "was": {"level_shares": [0.25, 0.5, 1.0], "capacity_scope": "fleet", "carbon_price": "0.1000"},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"level_shares": [0.5, 0.2, 1.0]},
        {"level_shares": [0.5, 0.7]},
        {"level_shares": [0.5, float("nan"), 1.0]},
        {"level_shares": [0.5, 0.7, 1.2]},
        {"capacity_scope": "street"},
        {"carbon_price": Decimal("NaN")},
        {"carbon_price": Decimal("-1")},
        {"carbon_price": Decimal("1e20")},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    program = factories.make_program(organization=factories.make_organization())
    with pytest.raises(ProgramInvalidError):
        program_set_signals(program=program, actor="op", now=NOW, **{**GOOD, **wrong})
    assert Program.objects.get(pk=program.pk).carbon_price == Decimal("0.1000")
    assert AuditEntry.objects.count() == 0
