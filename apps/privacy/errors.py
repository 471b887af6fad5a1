"""Anticipated failures of copies and deletions."""

from apps.common.errors import ConflictError, NotFoundError


class DeletionUnderWayError(ConflictError):
    code = "deletion_under_way"


class NoDeletionError(ConflictError):
    code = "no_deletion"


class ExportGoneError(NotFoundError):
    code = "export_gone"
