"""Reads of imports."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.sites.models import ImportRow, SiteImport


def imports_of_organization(*, organization: Organization) -> QuerySet[SiteImport]:
    """Return the tenant's imports, the newest first."""
    return SiteImport.objects.filter(organization=organization).order_by("-created_at", "pk")


def lines_of_import(*, site_import: SiteImport, outcome: str | None = None) -> QuerySet[ImportRow]:
    """Return the lines of an import in the file's order, all or those of one outcome."""
    found = ImportRow.objects.filter(site_import=site_import).order_by("number")
    return found if outcome is None else found.filter(outcome=outcome)


class _Echo:
    def write(self, text: str) -> str:
        return text


def report_lines(*, site_import: SiteImport) -> Iterator[str]:
    """Yield a CSV with a line for each row, or for each thing that is wrong with it; no cell begins a formula."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(["row", "type", "reference", "outcome", "field", "code", "message"])
    for row in lines_of_import(site_import=site_import).iterator(chunk_size=2000):
        for error in row.errors or [{}]:
            found = [
                row.kind,
                row.ref,
                row.outcome,
                *(error.get(name, "") for name in ("field", "code", "message")),
            ]
            yield writer.writerow([row.number, *map(_plain, found)])


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def shown_content(row: ImportRow) -> str:
    """Return a line as it was, for a page."""
    return json.dumps(row.content, ensure_ascii=False)[:300]
