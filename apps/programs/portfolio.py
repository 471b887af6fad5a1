"""The portfolio's question for all homes of an organization, or those of one of its programs or grid areas."""

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING

from apps.accounts.models import Organization
from apps.common.errors import NotFoundError
from apps.flexibility.question import Question
from apps.programs.selectors import enrolled_site_ids, programs_of_organization
from apps.sites.models import GridArea

if TYPE_CHECKING:
    from apps.flexibility.portfolio import Answer


@dataclasses.dataclass(frozen=True)
class Scope:
    """Which homes: all where both are None."""

    program_id: int | None = None
    grid_area_id: int | None = None


def portfolio_flexibility(
    *, organization: Organization, question: Question, scope: Scope, now: datetime
) -> "Answer":
    """Answer for the homes in `scope`; a program's pay is added to the homes' own cost."""
    from apps.flexibility.portfolio import portfolio_answer

    if scope.grid_area_id is not None:
        areas = GridArea.objects.filter(organization=organization, pk=scope.grid_area_id)
        if not areas.exists():
            raise NotFoundError("no such grid area")
        question = dataclasses.replace(question, grid_area_id=scope.grid_area_id)
    if scope.program_id is not None:
        program = programs_of_organization(organization=organization).filter(pk=scope.program_id).first()
        if program is None:
            raise NotFoundError("no such program")
        question = dataclasses.replace(
            question,
            site_ids=enrolled_site_ids(program=program, at=now),
            paid_per_kwh=float(program.energy_price),
        )
    return portfolio_answer(organization=organization, question=question, now=now)
