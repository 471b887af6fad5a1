"""What an event's status is at an instant, and when a VEN must be told of its events again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vpp.protocols.openadr2b.vocabulary import ACTIVE, CANCELED, COMPLETED, FAR, NEAR

# An event that a VEN was shown but has not answered is shown again after this.
RESEND_AFTER = timedelta(seconds=60)


def event_status(
    *,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    canceled: bool = False,
    ramp_up: timedelta | None = None,
) -> str:
    """Tell an event's status.

    Parameters
    ----------
    starts_at, ends_at
        The active period, half-open.
    now
        The instant in question.
    canceled
        A canceled event stays so whatever the time is.
    ramp_up
        How long before its start an event is near; without one it never is.

    Returns
    -------
    str
        ``far``, ``near``, ``active``, ``completed`` or ``cancelled`` (the schema's spelling).
    """
    if canceled:
        return CANCELED
    if now >= ends_at:
        return COMPLETED
    if now >= starts_at:
        return ACTIVE
    return NEAR if ramp_up is not None and now >= starts_at - ramp_up else FAR


@dataclass(frozen=True, slots=True)
class Shown:
    """What a VEN was told of an event: its modification number, its end, when, and whether the VEN answered."""

    modification_number: int
    ends_at: datetime
    shown_at: datetime
    answered: bool = False


def must_show(shown: Mapping[str, Shown], current: Mapping[str, int], *, now: datetime) -> bool:
    """Whether the VEN has to be sent all its events now.

    So it is where an event is new or changed, where one that has not ended is gone (the VEN takes its
    absence for a cancellation), and where one has gone unanswered for `RESEND_AFTER`.

    Parameters
    ----------
    shown
        What the VEN was told, by event.
    current
        The modification numbers of the events that it may see now, canceled ones included.
    now
        The instant of its poll.
    """
    for event_id, number in current.items():
        told = shown.get(event_id)
        if told is None or told.modification_number != number:
            return True
        if not told.answered and now - told.shown_at >= RESEND_AFTER:
            return True
    return any(event_id not in current and told.ends_at > now for event_id, told in shown.items())


def is_settled(shown: Mapping[str, Shown], current: Mapping[str, int]) -> bool:
    """Whether nothing is to be sent again as long as the events stay as they are."""
    return all(
        (told := shown.get(event_id)) is not None and told.modification_number == number and told.answered
        for event_id, number in current.items()
    )


def showing(
    shown: Mapping[str, Shown], current: Mapping[str, tuple[int, datetime]], *, now: datetime
) -> dict[str, Shown]:
    """Return what a VEN has been told once it is sent `current` (modification number and end by event)."""
    after = {}
    for event_id, (number, ends_at) in current.items():
        told = shown.get(event_id)
        answered = told is not None and told.answered and told.modification_number == number
        after[event_id] = Shown(number, ends_at, now, answered)
    return after
