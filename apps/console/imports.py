"""What operators see and do of imports: upload a file, look at what it would do, write it, take it back."""

import dataclasses
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.common.errors import DomainError
from apps.common.jobs import jobs_of_organization
from apps.common.models import Job
from apps.sites.imports.reading import MOST_BYTES, ImportTooLargeError
from apps.sites.imports.selectors import imports_of_organization, lines_of_import, shown_content
from apps.sites.imports.services import import_apply, import_begin, import_undo
from apps.sites.models import ImportRow, SiteImport

NEWEST: Final = 30
SHOWN_ROWS: Final = 100
FORMS: Final = {".csv": "csv", ".jsonl": "lines", ".ndjson": "lines", ".json": "array"}
OUTCOMES: Final = {
    "created": "new", "updated": "changed", "unchanged": "unchanged", "wrong": "wrong", "left_out": "left out",
    "waiting": "waiting",
}  # fmt: skip


class FileMissingError(DomainError):
    code = "file_missing"


@dataclasses.dataclass(frozen=True)
class Count:
    """How many rows there are of an outcome."""

    outcome: str
    label: str
    count: int


@dataclasses.dataclass(frozen=True)
class ShownRow:
    row: ImportRow
    label: str
    content: str


@dataclasses.dataclass(frozen=True)
class ImportPage:
    """An import with its counts and the first of its rows, those that are wrong first."""

    site_import: SiteImport
    job: Job | None
    counts: list[Count]
    rows: list[ShownRow]
    more: bool


def imports_newest(*, organization: Organization) -> list[SiteImport]:
    """Return the newest imports."""
    return list(imports_of_organization(organization=organization)[:NEWEST])


def import_of(*, organization: Organization, import_id: UUID) -> SiteImport | None:
    """Return the tenant's import."""
    return imports_of_organization(organization=organization).filter(pk=import_id).first()


def import_page(*, site_import: SiteImport, outcome: str = "") -> ImportPage:
    """Return the page of an import; without an outcome what is wrong, if anything is, else all rows."""
    chosen = outcome or ("wrong" if site_import.counts.get("wrong") else "")
    rows = lines_of_import(site_import=site_import, outcome=chosen if chosen in OUTCOMES else None)
    found = list(rows[: SHOWN_ROWS + 1])
    newest = jobs_of_organization(organization=site_import.organization)
    job = newest.filter(arguments__import_id=str(site_import.pk)).first()
    return ImportPage(
        site_import,
        job,
        [Count(name, OUTCOMES[name], count) for name, count in sorted(site_import.counts.items())],
        [ShownRow(row, OUTCOMES[row.outcome], shown_content(row)) for row in found[:SHOWN_ROWS]],
        len(found) > SHOWN_ROWS,
    )


def upload(
    *,
    user: User,
    organization: Organization,
    file: "UploadedFile[Any] | None",
    keep_good: bool,
    now: datetime,
) -> SiteImport:
    """Take a file in and check it; nothing is written before somebody says so. Viewers may not."""
    _must_operate(user, organization)
    if file is None:
        raise FileMissingError("choose a file")
    name = file.name or ""
    form = next((form for ending, form in FORMS.items() if name.lower().endswith(ending)), None)
    if form is None:
        raise FileMissingError("a file that ends in .csv, .json or .jsonl is needed")
    if (file.size or 0) > MOST_BYTES:
        raise ImportTooLargeError(f"at most {MOST_BYTES} bytes at once")
    mode = SiteImport.Mode.KEEP_GOOD if keep_good else SiteImport.Mode.ALL_OR_NOTHING
    opened: Any = file.file
    return import_begin(
        organization=organization, file=opened, form=form, mode=mode, dry_run=True, name=name, actor=user.email, now=now
    )  # fmt: skip


def change(*, user: User, site_import: SiteImport, do: str, now: datetime) -> None:
    """Write what was checked, or take back what was written; viewers may not."""
    _must_operate(user, site_import.organization)
    if do == "apply":
        import_apply(site_import=site_import, actor=user.email, now=now)
    elif do == "undo":
        import_undo(site_import=site_import, actor=user.email, now=now)
    else:
        raise DomainError("import it or take it back?", code="form_invalid")


def _must_operate(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can import sites")
