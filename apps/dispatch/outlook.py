"""What a running signal will have delivered at its end."""

from datetime import datetime, timedelta

import numpy as np

from apps.dispatch.models import TrackingPoint
from apps.dispatch.responsiveness import responsiveness_of
from apps.programs.models import GridSignal
from vpp.dispatch.outlook import Outlook, outlook, performance_so_far

# The looks that tell how it goes.
LATELY = timedelta(minutes=10)


def signal_outlook(*, signal: GridSignal, asked: dict[int, list[float]], at: datetime) -> Outlook:
    """Return the outlook after the look at `at`; `asked` is per home and interval of the signal [kW]."""
    points = list(TrackingPoint.objects.filter(signal=signal, at__lte=at).order_by("at"))
    site_ids = sorted(asked)
    planned_kw = np.array([asked[site_id] for site_id in site_ids], dtype=np.float64)
    planned_kw = planned_kw.reshape(len(site_ids), len(signal.target_kw))
    rest_kwh = np.maximum(planned_kw, 0.0) @ hours_left(signal=signal, at=at)
    responsiveness = responsiveness_of(site_ids=site_ids)
    whole = float(rest_kwh.sum())
    expected = float(rest_kwh @ responsiveness.expected) / whole if whole > 0 else 1.0
    lately = [point for point in points if point.at > at - LATELY]
    return outlook(
        delivered_kwh=sum(point.delivered_kw for point in points) / 60,
        planned_kwh=rest_kwh,
        responsiveness=responsiveness,
        performance=performance_so_far(
            [point.delivered_kw for point in lately],
            [point.planned_kw for point in lately],
            expected=expected,
        ),
    )


def hours_left(*, signal: GridSignal, at: datetime) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return how much of each interval of the signal lies after `at` [h]."""
    passed_s = (at - signal.starts_at).total_seconds()
    ends_s = signal.interval_s * np.arange(1.0, len(signal.target_kw) + 1)
    return np.asarray(np.clip(ends_s - passed_s, 0.0, signal.interval_s) / 3600)
