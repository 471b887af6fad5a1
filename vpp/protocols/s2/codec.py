"""Text to messages and back. Whatever cannot be read is one `S2FormatError`, which knows its answer."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from s2python.common import ReceptionStatus, ReceptionStatusValues
from s2python.s2_validation_error import S2ValidationError

from vpp.errors import VppError
from vpp.protocols.s2.messages import CLASSES, Message

NOBODY: Final = UUID(int=0)
# Beyond these a number is no power, energy, price or duration, and an instant no instant of ours.
MOST: Final = 1e12
_YEARS: Final = range(2000, 2200)
_LABEL: Final = 300


class S2FormatError(VppError):
    """Text that is no S2 message; `subject` is the id it has all the same, None where no answer can refer to it."""

    code = "s2_format"

    def __init__(self, status: ReceptionStatusValues, detail: str, *, subject: UUID | None = NOBODY) -> None:
        super().__init__(detail)
        self.status, self.subject = status, subject


def reception(
    subject: UUID, status: ReceptionStatusValues = ReceptionStatusValues.OK, *, detail: str | None = None
) -> ReceptionStatus:
    """The answer to a message."""
    label = None if detail is None else detail[:_LABEL]
    return ReceptionStatus(subject_message_id=subject, status=status, diagnostic_label=label)


def encode(message: Message) -> str:
    """A message as JSON."""
    return message.to_json()


def decode(text: str | bytes) -> Message:
    """A message of JSON text.

    Raises
    ------
    S2FormatError
        INVALID_DATA for what is no JSON object with a message type, INVALID_MESSAGE for what is not as the schema says,
        INVALID_CONTENT for numbers and instants that cannot be meant.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError, TypeError) as error:
        raise S2FormatError(ReceptionStatusValues.INVALID_DATA, f"no JSON: {error}") from None
    if not isinstance(document, dict):
        raise S2FormatError(ReceptionStatusValues.INVALID_DATA, "a message is a JSON object")
    return read(document)


def read(document: dict[str, Any]) -> Message:
    """A message of a JSON object, as `decode` has it."""
    kind = document.get("message_type")
    subject = _subject(document)
    model = CLASSES.get(kind) if isinstance(kind, str) else None
    if model is None:
        status = (
            ReceptionStatusValues.INVALID_DATA if subject == NOBODY else ReceptionStatusValues.INVALID_MESSAGE
        )
        raise S2FormatError(status, f"there is no message type {str(kind)[:60]!r}", subject=subject)
    if not _is_bounded(document):
        raise S2FormatError(
            ReceptionStatusValues.INVALID_CONTENT, f"a number beyond {MOST:g}", subject=subject
        )
    try:
        message: Message = model.from_dict(document)
    except (S2ValidationError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise S2FormatError(ReceptionStatusValues.INVALID_MESSAGE, _reason(error), subject=subject) from None
    for name in model.model_fields:
        at = getattr(message, name)
        if isinstance(at, datetime) and at.year not in _YEARS:
            raise S2FormatError(
                ReceptionStatusValues.INVALID_CONTENT, f"{name} is in {at.year}", subject=subject
            )
    return message


def _subject(document: dict[str, Any]) -> UUID | None:
    if document.get("message_type") == "ReceptionStatus":
        return None  # an answer is not answered
    try:
        return UUID(document["message_id"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return NOBODY


def _is_bounded(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_bounded(one) for one in value.values())
    if isinstance(value, list):
        return all(_is_bounded(one) for one in value)
    return not isinstance(value, int | float) or abs(value) <= MOST


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, S2ValidationError) else error
    errors = getattr(cause, "errors", None)
    if errors is None:
        return str(cause)
    # Only where and what: pydantic's own text repeats the whole input.
    found = errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['type']}" for one in found[:5])
