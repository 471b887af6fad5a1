"""What households' opt-out periods mean for one signal: a row for each home, so that all else needs to know rows only."""

from datetime import datetime

from django.db.models import F, Q, QuerySet

from apps.programs.models import GridSignal, OptOut, OptOutPeriod

WHY = "it lies in a time the household opted out of"


def is_leavable(signal: GridSignal) -> bool:
    """Whether a household can say no to a signal at all."""
    return signal.kind != GridSignal.Kind.NOTICE and not signal.is_binding


def periods_touching(signal: GridSignal) -> QuerySet[OptOutPeriod]:
    """Return the periods that hold and that a signal touches."""
    return OptOutPeriod.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=signal.starts_at), ended_at=None, starts_at__lt=signal.ends_at
    )


def periods_follow(*, signal: GridSignal, now: datetime) -> int:
    """Take homes out of a signal that has come or moved, by their periods, and let those in again that it left."""
    OptOut.objects.filter(signal=signal).exclude(
        Q(period=None) | Q(period__in=periods_touching(signal))
    ).delete()
    if not is_leavable(signal):
        return 0
    found = (
        periods_touching(signal)
        .filter(site__enrollments__program_id=signal.program_id, site__enrollments__ends_at=None)
        .order_by("site_id", F("ends_at").desc(nulls_first=True))
        .distinct("site_id")
    )
    rows = [
        OptOut(signal=signal, site_id=one.site_id, user_id=one.user_id, reason=WHY, at=now, period=one)
        for one in found
    ]
    return len(OptOut.objects.bulk_create(rows, ignore_conflicts=True))
