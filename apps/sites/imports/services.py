"""Imports from upload to undo. Writing is one transaction: an import is there whole, as far as it is right, or not at all."""

from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common import clock
from apps.common.bulk import bulk_copy, chunked
from apps.common.errors import ConflictError
from apps.common.jobs import Tell, job_request, job_work
from apps.common.models import Job
from apps.sites.imports.checking import CHUNK, rows_check
from apps.sites.imports.reading import Line, lines_of
from apps.sites.imports.rows import RESOURCE_FIELDS, SITE_FIELDS, ref_of, wrong
from apps.sites.models import ImportRow, Resource, Site, SiteImport

TASK: Final = "sites.work_import"
KIND: Final = "import"
Outcome, State = ImportRow.Outcome, SiteImport.State
WRITTEN: Final = (Outcome.CREATED, Outcome.UPDATED)


class ImportStateError(ConflictError):
    code = "import_state"


class ImportRacedError(ConflictError):
    """Somebody made a site of the same name or reference meanwhile."""

    code = "import_raced"


@transaction.atomic
def import_begin(
    *,
    organization: Organization,
    file: IO[bytes],
    form: str,
    mode: str,
    dry_run: bool,
    name: str,
    actor: str,
    now: datetime,
) -> SiteImport:
    """Take a file in as it is and have it worked through in the background."""
    made = SiteImport.objects.create(
        organization=organization, name=name[:120], mode=mode, dry_run=dry_run, asked_by=actor[:160], created_at=now
    )  # fmt: skip
    for lines in chunked(lines_of(file, form=form), 5000):
        bulk_copy(ImportRow, [_row(made, line) for line in lines])
        made.rows += len(lines)
    audit(
        organization=organization, actor=actor, action="import_begin", subject=f"import {made.pk}", now=now,
        rows=made.rows, mode=mode, dry_run=dry_run,
    )  # fmt: skip
    return _asked(made, actor=actor, now=now)


def _row(made: SiteImport, line: Line) -> ImportRow:
    kind, ref = ref_of(line.content)
    errors = [wrong("", "row_unreadable", message=line.problem)] if line.problem else []
    return ImportRow(
        site_import=made, number=line.number, kind=kind, ref=ref, content=line.content, errors=errors
    )


@transaction.atomic
def import_apply(*, site_import: SiteImport, actor: str, now: datetime) -> SiteImport:
    """Write what a dry run has found; it is checked again, the fleet may have changed."""
    held = _locked(site_import, states=[State.CHECKED])
    held.dry_run, held.state = False, State.WAITING
    return _asked(held, actor=actor, now=now)


@transaction.atomic
def import_undo(*, site_import: SiteImport, actor: str, now: datetime) -> Job:
    """Take back what an import wrote, if nothing else has touched it yet."""
    held = _locked(site_import, states=[State.APPLIED])
    return job_request(
        organization=held.organization, kind="import undo", task=TASK, actor=actor, now=now,
        arguments={"import_id": str(held.pk), "undo": True},
    )  # fmt: skip


def _asked(held: SiteImport, *, actor: str, now: datetime) -> SiteImport:
    job = job_request(
        organization=held.organization, kind=KIND, task=TASK, actor=actor, now=now,
        arguments={"import_id": str(held.pk)},
    )  # fmt: skip
    held.job_id = job.pk
    held.save()
    return held


def _locked(site_import: SiteImport, *, states: Sequence[str]) -> SiteImport:
    found = SiteImport.objects.select_for_update(of=("self",)).select_related("organization")
    held = found.get(pk=site_import.pk)
    if held.state not in states:
        raise ImportStateError(f"this import is {held.state}")
    return held


def import_job_work(*, job_id: UUID) -> None:
    """Work an import through, or take it back."""
    job_work(job_id=job_id, work=_work)


def _work(job: Job, tell: Tell) -> dict[str, Any]:
    from apps.sites.imports.undoing import undo

    held = SiteImport.objects.select_related("organization").get(pk=job.arguments["import_id"])
    if job.arguments.get("undo"):
        undo(site_import=held, actor=job.asked_by, now=clock.now())
    elif held.state == State.WAITING:
        held.counts = rows_check(site_import=held, tell=tell)
        held.finished_at = clock.now()
        _write(held, tell, actor=job.asked_by)
    return {"import_id": str(held.pk), "state": held.state, "counts": held.counts}


def _write(held: SiteImport, tell: Tell, *, actor: str) -> None:
    """Write what is right, if anything is to be written, and with it that it is written."""
    if held.dry_run:
        held.state = State.CHECKED
    elif held.counts.get(Outcome.WRONG) and held.mode == SiteImport.Mode.ALL_OR_NOTHING:
        rows = ImportRow.objects.filter(site_import=held).exclude(outcome=Outcome.WRONG)
        rows.update(outcome=Outcome.LEFT_OUT)
        held.state, wrong_rows = State.REFUSED, held.counts[Outcome.WRONG]
        held.counts = {"wrong": wrong_rows, "left_out": held.rows - wrong_rows}
    else:
        tell("writing", 60)
        held.state = State.APPLIED
    try:
        with transaction.atomic():
            if held.state == State.APPLIED:
                _write_rows(held, actor=actor)
            held.save()
    except IntegrityError as error:
        raise ImportRacedError("the fleet was changed meanwhile; import it again") from error


def _write_rows(held: SiteImport, *, actor: str) -> None:
    _write_sites(held)
    _write_resources(held)
    audit(
        organization=held.organization, actor=actor, action="import_apply", subject=f"import {held.pk}",
        now=held.finished_at or held.created_at, **held.counts,
    )  # fmt: skip


def rows_to_write(held: SiteImport, kind: str) -> QuerySet[ImportRow]:
    """Return the lines of an import that change something."""
    return ImportRow.objects.filter(site_import=held, kind=kind, outcome__in=WRITTEN).order_by("number")


def _write_sites(held: SiteImport) -> None:
    for rows in chunked(rows_to_write(held, "site").iterator(chunk_size=CHUNK), CHUNK):
        sites = [
            Site(
                organization=held.organization, external_ref=row.ref, created_at=held.created_at, **(row.after or {})
            )
            for row in rows
        ]  # fmt: skip
        Site.objects.bulk_create(
            sites,
            update_conflicts=True,
            unique_fields=["organization", "external_ref"],
            update_fields=SITE_FIELDS,
        )
        _number(rows, [site.pk for site in sites])


def _write_resources(held: SiteImport) -> None:
    for rows in chunked(rows_to_write(held, "resource").iterator(chunk_size=CHUNK), CHUNK):
        refs = {row.content["site"].strip() for row in rows}
        ids = dict(
            Site.objects.filter(organization=held.organization, external_ref__in=refs).values_list(
                "external_ref", "pk"
            )
        )
        resources = [
            Resource(
                site_id=ids[row.content["site"].strip()], key=row.content["key"].strip(), **(row.after or {})
            )
            for row in rows
        ]
        Resource.objects.bulk_create(
            resources, update_conflicts=True, unique_fields=["site", "key"], update_fields=RESOURCE_FIELDS
        )
        _number(rows, [resource.pk for resource in resources])


def _number(rows: Sequence[ImportRow], ids: Sequence[int]) -> None:
    for row, number in zip(rows, ids, strict=True):
        row.object_id = number
    ImportRow.objects.bulk_update(rows, ["object_id"], batch_size=CHUNK)
