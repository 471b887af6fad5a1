"""Bulk import: a file of sites and resources, a report row by row, and the way back."""

import hashlib
import tempfile
from collections.abc import Mapping
from typing import IO, Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.jobs import JobSerializer, job_started
from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked
from apps.sites.imports.reading import FORMATS, MOST_BYTES, ImportTooLargeError
from apps.sites.imports.selectors import imports_of_organization, lines_of_import, report_lines
from apps.sites.imports.services import import_apply, import_begin, import_undo
from apps.sites.models import ImportRow, SiteImport

CHUNK = 1024 * 1024
ROWS = {"type": "array", "items": {"type": "object"}, "maxItems": 50_000}
EXAMPLE = [
    {"type": "site", "external_ref": "C-1001", "name": "Rose Street 1", "time_zone": "Europe/Berlin"},
    {
        "type": "resource", "site": "C-1001", "key": "battery", "kind": "battery",
        "parameters": {"capacity_kwh": 10, "max_charge_kw": 5, "max_discharge_kw": 5},
    },
]  # fmt: skip


class ImportSerializer(serializers.ModelSerializer[SiteImport]):
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="rows by what becomes of them")

    class Meta:
        model = SiteImport
        fields = (
            "id", "job_id", "name", "mode", "dry_run", "state", "rows", "counts", "asked_by", "created_at", "finished_at"
        )  # fmt: skip


class ImportQuery(Query):
    """How a file is taken."""

    dry_run = serializers.BooleanField(required=False, default=False, help_text="check only, write nothing")
    mode = serializers.ChoiceField(
        choices=SiteImport.Mode.choices, required=False, default=SiteImport.Mode.ALL_OR_NOTHING
    )
    name = serializers.CharField(required=False, default="", max_length=120, help_text="the file's name")


class RowErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    message = serializers.CharField()


class ImportRowSerializer(serializers.ModelSerializer[ImportRow]):
    row = serializers.IntegerField(source="number")
    type = serializers.CharField(source="kind")
    reference = serializers.CharField(source="ref")

    class Meta:
        model = ImportRow
        fields = ("row", "type", "reference", "outcome")

    def get_fields(self) -> dict[str, Any]:
        """Add what has the name of a property of every serializer."""
        return {**super().get_fields(), "errors": RowErrorSerializer(many=True)}


class RowQuery(Query):
    outcome = serializers.ChoiceField(choices=ImportRow.Outcome.choices, required=False)


class FileParser(BaseParser):
    """Leaves the body where it is: it is read piece by piece."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return {}


class ImportsView(AggregatorView):
    """GET, POST /api/v1/imports"""

    parser_classes = (FileParser,)
    upload: IO[bytes] | None = None
    digest = b""

    @describes("List imports", tag="imports", answers=ImportSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = imports_of_organization(organization=organization_of(request))
        return paged(request, found, order=("-created_at", "pk"), shown=ImportSerializer)

    @describes(
        "Import sites and resources", tag="imports", query=ImportQuery, answers=ImportSerializer, status=202,
        sends={name: OpenApiTypes.STR if name != "application/json" else ROWS for name in FORMATS},
        description="CSV, JSON lines or a JSON array, at most 50,000 rows: see docs/how-to/import-sites.md.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        form = FORMATS.get((request.content_type or "").split(";")[0].strip().lower())
        if form is None:
            raise UnsupportedMediaType(request.content_type or "nothing")
        wanted = asked(request, ImportQuery)
        made = import_begin(
            organization=organization_of(request), file=self._file(request), form=form, actor=actor_of(request),
            now=clock.now(), **wanted,
        )  # fmt: skip
        location = request.build_absolute_uri(reverse("api-import", args=[made.pk]))
        return Response(ImportSerializer(made).data, status=202, headers={"Location": location})

    def fingerprint(self, request: Request) -> bytes:
        """Return the digest of the file, which is put on disk while it is read."""
        self._file(request)
        return self.digest

    def _file(self, request: Request) -> IO[bytes]:
        if self.upload is None:
            digest, size = hashlib.sha256(), 0
            self.upload = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the request's end
            while piece := request._request.read(CHUNK):
                size += len(piece)
                if size > MOST_BYTES:
                    raise ImportTooLargeError(f"at most {MOST_BYTES} bytes at once")
                digest.update(piece)
                self.upload.write(piece)
            self.upload.seek(0)
            self.digest = digest.digest()
        return self.upload


class ImportView(AggregatorView):
    """GET /api/v1/imports/{id}"""

    @describes("Show an import", tag="imports", answers=ImportSerializer)
    def get(self, request: Request, import_id: UUID) -> Response:
        asked(request, Query)
        return Response(ImportSerializer(_import(request, import_id)).data)


class ImportRowsView(AggregatorView):
    """GET /api/v1/imports/{id}/rows"""

    @describes(
        "Report an import row by row", tag="imports", answers=ImportRowSerializer, pages=True, query=RowQuery
    )
    def get(self, request: Request, import_id: UUID) -> Response:
        wanted = asked(request, RowQuery, paged=True)
        found = lines_of_import(site_import=_import(request, import_id), outcome=wanted.get("outcome"))
        return paged(request, found, order=("number",), shown=ImportRowSerializer)


class ImportReportView(AggregatorView):
    """GET /api/v1/imports/{id}/csv"""

    @describes("Download the report of an import", tag="imports", csv=True)
    def get(self, request: Request, import_id: UUID) -> StreamingHttpResponse:
        asked(request, Query)
        lines = report_lines(site_import=_import(request, import_id))
        headers = {"Content-Disposition": f'attachment; filename="import-{import_id}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


class ImportApplyView(AggregatorView):
    """POST /api/v1/imports/{id}/apply"""

    @describes("Write what a dry run has checked", tag="imports", answers=ImportSerializer, status=202)
    def post(self, request: Request, import_id: UUID) -> Response:
        held = _import(request, import_id)
        begun = import_apply(site_import=held, actor=actor_of(request), now=clock.now())
        return Response(ImportSerializer(begun).data, status=202)


class ImportUndoView(AggregatorView):
    """POST /api/v1/imports/{id}/undo"""

    @describes(
        "Undo an import", tag="imports", answers=JobSerializer, status=202,
        description="Whole or not at all: the job fails with `import_touched` where something else has touched it since.",
    )  # fmt: skip
    def post(self, request: Request, import_id: UUID) -> Response:
        held = _import(request, import_id)
        return job_started(request, import_undo(site_import=held, actor=actor_of(request), now=clock.now()))


def _import(request: Request, import_id: UUID) -> SiteImport:
    held = imports_of_organization(organization=organization_of(request)).filter(pk=import_id).first()
    if held is None:
        raise NotFoundError("no such import")
    return held
