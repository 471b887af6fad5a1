"""A copy of everything stored on a home: a ZIP of JSON and CSV, made in the background, for who asked for it."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.models import AuditEntry, User
from apps.accounts.services import audit
from apps.common.queue import enqueue_on_commit
from apps.privacy.errors import ExportGoneError
from apps.privacy.models import DataExport
from apps.privacy.tables import plain_rows, rows_of_site
from apps.sites.households import check_owner
from apps.sites.models import Site
from apps.telemetry.privacy import telemetry_of_site

GOOD_FOR: Final = timedelta(days=7)
_PERSON: Final = ("email", "first_name", "last_name", "language", "date_joined", "last_login")
_State = DataExport.State


class Encoder(DjangoJSONEncoder):
    """Bytes, where there are any, as hexadecimal digits."""

    def default(self, o: Any) -> Any:
        return bytes(o).hex() if isinstance(o, bytes | memoryview) else super().default(o)


def exports_of_person(*, site: Site, user: User) -> list[DataExport]:
    """Return the copies that a person asked for and that can still be had, without their content."""
    found = DataExport.objects.filter(site=site, asked_by=user).exclude(expires_at__lte=Now())
    return list(found.defer("content").order_by("-pk"))


@transaction.atomic
def export_ask(*, site: Site, user: User, now: datetime) -> DataExport:
    """Have a copy made; one that is being made already is the answer."""
    check_owner(site=site, user=user)
    Site.objects.select_for_update().get(pk=site.pk)
    open_ = DataExport.objects.filter(site=site, asked_by=user, state__in=[_State.WAITING, _State.RUNNING])
    if (held := open_.first()) is not None:
        return held
    made = DataExport.objects.create(site=site, asked_by=user, asked_at=now)
    _audit(made, "data_export", now=now)
    enqueue_on_commit("privacy.make_export", export_id=made.pk)
    return made


def export_make(*, export_id: int, machine_now: datetime) -> None:
    """Make a copy; safe to repeat."""
    export = DataExport.objects.select_related("site__organization", "asked_by").filter(pk=export_id).first()
    if export is None or export.state not in {_State.WAITING, _State.RUNNING}:
        return
    DataExport.objects.filter(pk=export_id).update(state=_State.RUNNING, progress_pct=0)
    try:
        with TemporaryFile() as file:
            _write(file, export)
            file.seek(0)
            content = file.read()
    except Exception as error:
        DataExport.objects.filter(pk=export_id).update(
            state=_State.FAILED, error=type(error).__name__, expires_at=machine_now + GOOD_FOR
        )
        raise
    DataExport.objects.filter(pk=export_id).update(
        state=_State.DONE, progress_pct=100, content=content, expires_at=machine_now + GOOD_FOR
    )


@transaction.atomic
def export_take(*, site: Site, user: User, export_id: int, now: datetime) -> bytes:
    """Return a copy to the owner who asked for it, while its link is good."""
    check_owner(site=site, user=user)
    found = DataExport.objects.filter(pk=export_id, site=site, asked_by=user, state=_State.DONE)
    export = found.filter(expires_at__gt=Now()).select_related("site__organization", "asked_by").first()
    if export is None:
        raise ExportGoneError("there is no such copy any more; ask for a new one")
    _audit(export, "data_download", now=now)
    return bytes(export.content)


def exports_prune() -> int:
    """Forget copies whose link has ended."""
    gone, _ = DataExport.objects.filter(expires_at__lte=Now()).delete()
    return gone


def _write(file: IO[bytes], export: DataExport) -> None:
    site, user = export.site, export.asked_by
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(export))
        person = {name: getattr(user, name) for name in _PERSON}
        archive.writestr("json/you.json", json.dumps(person, cls=Encoder, indent=1))
        for label, rows in rows_of_site(site):
            _json(archive, label, rows=plain_rows(rows))
        entries = AuditEntry.objects.filter(organization=site.organization, subject=f"site {site.pk}")
        _json(archive, "accounts.auditentry", rows=plain_rows(entries))
        _progress(export, 30)
        for index, (table, lines) in enumerate(telemetry_of_site(site_id=site.pk), start=1):
            _csv(archive, table, lines=lines)
            _progress(export, min(95, 30 + 9 * index))


def _json(archive: zipfile.ZipFile, name: str, *, rows: Iterator[dict[str, Any]]) -> None:
    """One row a line, as a list that any reader takes."""
    with archive.open(f"json/{name}.json", "w") as file:
        file.write(b"[")
        for index, row in enumerate(rows):
            file.write((",\n" if index else "\n").encode() + json.dumps(row, cls=Encoder).encode())
        file.write(b"\n]\n")


def _csv(archive: zipfile.ZipFile, name: str, *, lines: Iterator[tuple[Any, ...]]) -> None:
    with archive.open(f"csv/{name}.csv", "w") as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text)
        for line in lines:
            writer.writerow([_written(value) for value in line])


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


def _readme(export: DataExport) -> str:
    return (
        f"Everything stored on {export.site.name}, as of {export.asked_at:%Y-%m-%d %H:%M} UTC.\n\n"
        "json/  one file a table: the home, its people, devices, preferences, consents, events, statements, trades\n"
        "csv/   what was measured: kW are drawn where positive, given where negative; registers in kWh\n\n"
        "Left out: secrets (keys, passwords) and the same measurements in forms that only the platform reads.\n"
    )


def _progress(export: DataExport, share_pct: int) -> None:
    DataExport.objects.filter(pk=export.pk).update(progress_pct=share_pct)


def _audit(export: DataExport, action: str, *, now: datetime) -> None:
    site = export.site
    audit(
        organization=site.organization, actor=export.asked_by.email, action=action, subject=f"site {site.pk}", now=now
    )  # fmt: skip
