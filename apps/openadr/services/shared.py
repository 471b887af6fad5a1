"""What the writes of all objects share."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from django.db import IntegrityError, transaction

from apps.openadr.errors import ObjectTakenError, ObjectUnknownError, RevisionMismatchError
from apps.openadr.models import WireObject
from apps.openadr.selectors import Viewer, visible

W = TypeVar("W", bound=WireObject)

_TAKEN = {
    "openadr_ven_name": ("name_taken", "there is a ven of this name already"),
    "openadr_ven_client": ("client_taken", "this client has a ven already"),
    "openadr_resource_name": ("name_taken", "the ven has a resource of this name already"),
}


def etag(object_: WireObject) -> str:
    """Return the entity tag of an object's present revision."""
    return f'"{object_.revision}"'


def locked(*, kind: type[W], viewer: Viewer, object_id: str, if_match: str | None) -> W:
    """Return an object that nobody else can change until the transaction ends.

    Raises `ObjectUnknownError` where the viewer sees none, `RevisionMismatchError` where `if_match` (the
    header's text) names other revisions. Without `if_match` the later of two writers wins as a whole.
    """
    found = visible(kind=kind, viewer=viewer).select_for_update(of=("self",)).filter(pk=object_id).first()
    if found is None:
        raise ObjectUnknownError("no such object")
    if if_match is not None:
        _check_match(found, if_match)
    return found


def _check_match(object_: WireObject, if_match: str) -> None:
    wanted = {tag.strip() for tag in if_match.split(",")}
    if not wanted & {"*", etag(object_)}:
        raise RevisionMismatchError(f"the object's revision is {etag(object_)}, not {if_match[:80]}")


def revised(object_: WireObject, *, now: datetime) -> None:
    """Count a change that the caller is about to save."""
    object_.revision += 1
    object_.modified_at = now


@contextmanager
def unique() -> Iterator[None]:
    """Turn a broken uniqueness constraint of ours into its named error."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        if name not in _TAKEN:
            raise
        code, detail = _TAKEN[name]
        raise ObjectTakenError(detail, code=code) from error
