"""Reports on which baseline method fits a program: asked for, worked out by a task, kept."""

import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.common.queue import enqueue_on_commit
from apps.programs.errors import ProgramInvalidError, ReportUnderWayError
from apps.programs.models import BaselineReport, Program
from apps.programs.selectors import enrolled_site_ids, event_days_of_program
from apps.sites.selectors import sites_of_organization
from vpp.baselines.names import PROGRAM_METHODS
from vpp.errors import VppError

log = logging.getLogger(__name__)
REPORT_TASK = "programs.baseline_report"
# A worker that died has left its report under way; after this, another may be asked for.
GIVEN_UP_AFTER = timedelta(hours=1)
KEPT = 20
UNDER_WAY = [BaselineReport.State.WAITING, BaselineReport.State.RUNNING]


def reports_of_program(*, program: Program) -> QuerySet[BaselineReport]:
    """Return the kept reports of a program, newest first."""
    return BaselineReport.objects.filter(program=program).order_by("-pk")


@transaction.atomic
def baseline_report_request(
    *,
    program: Program,
    starts: time,
    minutes: int,
    day_type: str,
    placebo_days: int,
    actor: str,
    now: datetime,
) -> BaselineReport:
    """Ask for a report on events of `minutes` that begin at the local time `starts`; one at a time."""
    report = BaselineReport(
        program=program, requested_by=actor[:160], requested_at=now, starts=starts, minutes=minutes,
        day_type=day_type, placebo_days=placebo_days,
    )  # fmt: skip
    try:
        report.clean_fields()
    except ValidationError as error:
        raise ProgramInvalidError(
            "; ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())
        ) from error
    stale = BaselineReport.objects.filter(
        program=program, state__in=UNDER_WAY, requested_at__lt=now - GIVEN_UP_AFTER
    )
    stale.update(
        state=BaselineReport.State.FAILED, error="it was not finished within an hour", finished_at=now
    )
    try:
        with transaction.atomic():
            report.save()
    except IntegrityError as error:
        raise ReportUnderWayError("a report on this program is under way") from error
    old = list(reports_of_program(program=program).values_list("pk", flat=True)[KEPT:])
    BaselineReport.objects.filter(pk__in=old).delete()
    audit(
        organization=program.organization, actor=actor, action="baseline_report", subject=f"program {program.pk}",
        now=now,
    )  # fmt: skip
    enqueue_on_commit(REPORT_TASK, report_id=report.pk)
    return report


def baseline_report_run(*, report_id: int, now: datetime) -> None:
    """Work a waiting report out; what it cannot do it says in the report."""
    taken = BaselineReport.objects.filter(pk=report_id, state=BaselineReport.State.WAITING)
    if not taken.update(state=BaselineReport.State.RUNNING):
        return  # another worker has it, or it was given up
    report = BaselineReport.objects.select_related("program__organization").get(pk=report_id)
    try:
        outcome = {
            "result": _result(report, now=now),
            "state": BaselineReport.State.DONE,
            "progress_pct": 100,
        }
    except (VppError, DomainError) as error:
        outcome = {"state": BaselineReport.State.FAILED, "error": error.detail[:200]}
    except Exception:
        log.exception("baseline report %s failed", report_id)
        outcome = {"state": BaselineReport.State.FAILED, "error": "it could not be worked out; see the log"}
    BaselineReport.objects.filter(pk=report_id).update(finished_at=now, **outcome)


def _result(report: BaselineReport, *, now: datetime) -> dict[str, object]:
    # Imported here: the doors read and ask for reports, and do without arithmetic.
    from apps.flexibility.suitability import Question, suitability_compute

    program = report.program
    site_ids = enrolled_site_ids(program=program, at=now)
    sites = list(sites_of_organization(organization=program.organization).filter(pk__in=site_ids))
    if not sites:
        raise ProgramInvalidError("no home takes part in this program")
    zone = ZoneInfo(sites[0].time_zone)

    def progress(share: float) -> None:
        BaselineReport.objects.filter(pk=report.pk).update(progress_pct=round(share * 80))

    question = Question(
        starts=report.starts,
        minutes=report.minutes,
        of_type="weekday" if report.day_type == BaselineReport.DayType.WEEKDAY else "weekend",
        placebo_days=report.placebo_days,
        methods=PROGRAM_METHODS,
        holidays=frozenset(program.holidays),
        excluded_days=event_days_of_program(program=program, zone=zone),
    )
    return suitability_compute(
        sites=sites, question=question, today=now.astimezone(zone).date(), progress=progress
    )
