"""Taking an import back: only while everything it wrote is as it wrote it, and nothing else refers to what it made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.services import audit
from apps.common.bulk import chunked
from apps.common.errors import ConflictError
from apps.sites.imports.checking import CHUNK
from apps.sites.imports.rows import RESOURCE_FIELDS, SITE_FIELDS
from apps.sites.imports.services import rows_to_write
from apps.sites.models import ImportRow, Resource, Site, SiteImport

SHOWN = 5


class ImportTouchedError(ConflictError):
    code = "import_touched"


@transaction.atomic
def undo(*, site_import: SiteImport, actor: str, now: datetime) -> None:
    """Take back what an import wrote, whole or not at all."""
    held = SiteImport.objects.select_for_update().get(pk=site_import.pk)
    if held.state != SiteImport.State.APPLIED:
        return
    # Decided here: a JSON null and none at all are two things to the database.
    resources = rows_to_write(held, "resource").values_list("object_id", "before")
    made = {number for number, before in resources if before is None}
    for rows in _chunks(held, "resource"):
        _check_values(rows, Resource, fields=RESOURCE_FIELDS)
    for rows in _chunks(held, "site"):
        _check_values(rows, Site, fields=SITE_FIELDS)
        _check_alone([row for row in rows if row.before is None], made=made)
    for kind, model in (("resource", Resource), ("site", Site)):
        for rows in _chunks(held, kind):
            _take_back(rows, model)
    SiteImport.objects.filter(pk=held.pk).update(state=SiteImport.State.UNDONE)
    site_import.state = SiteImport.State.UNDONE
    audit(
        organization=held.organization,
        actor=actor,
        action="import_undo",
        subject=f"import {held.pk}",
        now=now,
    )


def _chunks(held: SiteImport, kind: str) -> Any:
    return chunked(rows_to_write(held, kind).iterator(chunk_size=CHUNK), CHUNK)


def _check_values(rows: Sequence[ImportRow], model: type[Any], *, fields: Sequence[str]) -> None:
    """Lock what lines wrote, and see that it still says the same."""
    held = model.objects.select_for_update().in_bulk([row.object_id for row in rows])
    touched = [
        row.ref
        for row in rows
        if row.object_id not in held
        or {name: getattr(held[row.object_id], name) for name in fields} != row.after
    ]
    if touched:
        raise ImportTouchedError(f"changed since by others: {', '.join(touched[:SHOWN])}")


def _check_alone(rows: Sequence[ImportRow], *, made: set[int | None]) -> None:
    """See that nothing but the import's own resources refers to sites that it made."""
    site_ids = [row.object_id for row in rows]
    names = {row.object_id: row.ref for row in rows}
    for relation in Site._meta.related_objects:
        field = f"{relation.field.name}_id"
        found = relation.related_model._base_manager.filter(**{f"{field}__in": site_ids})
        if relation.related_model is Resource:
            found = found.exclude(pk__in=made)
        if users := list(found.values_list(field, flat=True)[:SHOWN]):
            what = relation.related_model._meta.verbose_name_plural
            raise ImportTouchedError(f"{what} refer to {', '.join(names[one] for one in users)}")


def _take_back(rows: Sequence[ImportRow], model: type[Any]) -> None:
    model.objects.filter(pk__in=[row.object_id for row in rows if row.before is None]).delete()
    changed = [row for row in rows if row.before is not None]
    held = model.objects.in_bulk([row.object_id for row in changed])
    for row in changed:
        for name, value in (row.before or {}).items():
            setattr(held[row.object_id], name, value)
    fields = list(changed[0].before or {}) if changed else []
    if changed:
        model.objects.bulk_update(held.values(), fields, batch_size=CHUNK)
