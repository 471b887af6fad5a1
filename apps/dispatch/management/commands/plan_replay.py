"""`manage.py plan_replay 17`: decide a stored plan again from what was known, and compare."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.dispatch.outcomes import Outcome
from apps.dispatch.replay import plan_replay
from apps.dispatch.selectors import plan_by_number


class Command(BaseCommand):
    help = "Decide a stored plan again from what it knew; fails where the schedules differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plan", type=int, help="number of the plan")

    def handle(self, *, plan: int, **options: Any) -> None:
        """Print both outcomes and what differs, a line each."""
        found = plan_by_number(plan_id=plan)
        if found is None:
            raise CommandError(f"there is no plan {plan}")
        try:
            replay = plan_replay(plan=found)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"stored: {_line(replay.stored)}")
        self.stdout.write(f"replay: {_line(replay.again)}")
        for difference in replay.differences:
            self.stdout.write(difference)
        if not replay.same:
            raise CommandError(f"plan {plan} does not follow from what it knew")
        self.stdout.write(f"plan {plan} follows from what it knew")


def _line(outcome: Outcome) -> str:
    gap = "not proven" if outcome.gap is None else f"{outcome.gap:.2e}"
    return (
        f"{outcome.status}, {outcome.homes} homes, up to {max(outcome.planned_kw, default=0.0):.2f} kW, "
        f"short {outcome.shortfall_kwh:.2f} kWh, {outcome.solver}, gap {gap}, {outcome.seconds:.2f} s"
    )
