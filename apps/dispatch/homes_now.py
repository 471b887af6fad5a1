"""Every home of a signal at one instant, as arrays: what is asked and delivered, and what stands in its way.

A fleet has tens of thousands of homes and a page shows a few: only these become objects.
"""

import dataclasses
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import Case, F, Q, QuerySet, Value, When
from numpy.typing import NDArray

from apps.common.copying import copy_values
from apps.dispatch.asked import asked_of_homes
from apps.dispatch.selectors import SILENT_AFTER, HomeInSignal, NamedSite, Order, interval_at
from apps.flexibility.selectors import baselines_at
from apps.hubs.models import Hub, Instruction
from apps.hubs.selectors import CONNECTED
from apps.programs.models import GridSignal
from apps.programs.selectors import enrolled_site_ids, opted_out_site_ids
from apps.sites.models import Site
from apps.telemetry.arrays import latest_heard, mean_grid_kw

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.int64]
Few = Collection[int] | QuerySet[Site, int]
# Up to so many homes are named to the database one by one.
FEW: Final = 1000
LATE_AFTER: Final = timedelta(seconds=60)
STATES: Final = ("delivering", "not needed", "silent", "opted out", "waiting")
ORDERS: Final = ("", *Instruction.State.values)


@dataclasses.dataclass(frozen=True)
class HomesNow:
    """(N,) values of the homes `site_id`, rising; powers in kW, NaN where not known; codes are places in STATES and ORDERS."""

    signal: GridSignal
    few: Few
    site_id: Ids
    shed_kw: Floats
    delivered_kw: Floats
    soc: Floats
    reserve_soc: Floats
    state: NDArray[np.int64]
    order: NDArray[np.int64]
    is_late: Flags
    is_linked: Flags

    @property
    def missing_kw(self) -> Floats:
        """What each gives less than it is asked."""
        return np.maximum(self.shed_kw - np.nan_to_num(self.delivered_kw), 0.0)

    def asked_most(self, most: int) -> "NDArray[np.intp]":
        """Return the places of the homes that are asked most, the first homes first among equals."""
        return np.argsort(-self.shed_kw, kind="stable")[:most]

    def counts(self) -> dict[str, int]:
        """Return how many homes are in each state, by its word."""
        numbers = np.bincount(self.state, minlength=len(STATES))
        return dict(sorted((word, int(n)) for word, n in zip(STATES, numbers, strict=True) if n))

    def listed(self, places: "NDArray[np.intp] | None" = None) -> list[HomeInSignal]:
        """Return some homes with their names and orders; without `places` all."""
        places = np.arange(len(self.site_id)) if places is None else places
        ids = [int(one) for one in self.site_id[places]]
        wanted = self.few if len(ids) > FEW else ids
        names = dict(_names(wanted))
        orders = _orders(wanted, since=self.signal.received_at)
        return [
            HomeInSignal(
                site=NamedSite(site_id, names[site_id], float(self.reserve_soc[place])),
                shed_kw=float(self.shed_kw[place]),
                delivered_kw=_known(self.delivered_kw[place]),
                state=STATES[self.state[place]],
                order=orders.get(site_id),
                soc=_known(self.soc[place]),
            )
            for site_id, place in zip(ids, places, strict=True)
        ]


def homes_now(*, signal: GridSignal, now: datetime) -> HomesNow:
    """Look at all homes of a signal."""
    enrolled = enrolled_site_ids(program=signal.program, at=min(now, signal.ends_at))
    few: Few = enrolled
    if len(enrolled) >= FEW:
        ours = Site.objects.filter(organization_id=signal.organization_id).order_by()
        few = ours.values_list("pk", flat=True)
    ids = np.array(enrolled, np.int64)
    shed_kw = _asked(signal, ids, now=now)
    sites = _copied(Site.objects.filter(pk__in=few), "pk", reserve=F("reserve_soc"))
    latest = latest_heard(site_ids=few, since=now - SILENT_AFTER)
    hubs = _hubs(few)
    orders = _order_codes(few, since=signal.received_at)
    return HomesNow(
        signal=signal,
        few=few,
        site_id=ids,
        shed_kw=shed_kw,
        delivered_kw=_delivered(signal, ids, at=now),
        soc=_spread(ids, sites=latest["site"], values=latest["soc"], empty=np.nan),
        reserve_soc=_spread(ids, sites=sites["site"], values=sites["reserve"], empty=0.0),
        state=_states(
            signal, ids, shed_kw=shed_kw, heard=_spread(ids, sites=latest["site"], values=latest["heard"], empty=0) > 0, now=now
        ),
        order=_spread(ids, sites=orders["site"], values=orders["code"], empty=0).astype(np.int64),
        is_late=_spread(ids, sites=orders["site"], values=orders["late"], empty=0) > 0,
        is_linked=_spread(ids, sites=hubs["site"], values=hubs["linked"], empty=0) > 0,
    )  # fmt: skip


def _states(
    signal: GridSignal, ids: Ids, *, shed_kw: Floats, heard: Flags, now: datetime
) -> NDArray[np.int64]:
    out = np.isin(ids, np.fromiter(opted_out_site_ids(signal_id=signal.pk), np.int64))
    running = np.full(len(ids), interval_at(signal=signal, at=now) is not None)
    words = np.select(
        [out, ~heard, ~running, shed_kw > 0],
        [STATES.index(word) for word in ("opted out", "silent", "waiting", "delivering")],
        STATES.index("not needed"),
    )
    return np.asarray(words, np.int64)


def _asked(signal: GridSignal, ids: Ids, *, now: datetime) -> Floats:
    index = interval_at(signal=signal, at=now)
    if index is None:
        return np.zeros(len(ids))
    asked = asked_of_homes(signal=signal)
    return _spread(ids, sites=asked.site_id, values=asked.shed_kw[:, index], empty=0.0)


def _delivered(signal: GridSignal, ids: Ids, *, at: datetime) -> Floats:
    """The shed over the minute that ends at `at`; NaN where nothing was measured or there is no baseline for it."""
    index = interval_at(signal=signal, at=at - timedelta(seconds=1))
    if index is None:
        return np.full(len(ids), np.nan)
    known = baselines_at(
        signal_id=signal.pk, starts_at=signal.starts_at, interval_s=signal.interval_s, count=len(signal.target_kw),
        index=index,
    )  # fmt: skip
    baselines = copy_values(known, fields=[("site", ">i8"), ("kw", ">f8")])
    measured = mean_grid_kw(site_ids=ids, starts_at=at - timedelta(seconds=90), ends_at=at)
    return _spread(ids, sites=baselines["site"], values=baselines["kw"], empty=np.nan) - _spread(
        ids, sites=measured["site"], values=measured["kw"], empty=np.nan
    )


def _hubs(few: Few) -> "NDArray[np.void]":
    hubs = Hub.objects.filter(site_id__in=few, state=Hub.State.ACTIVE)
    return _copied(hubs, "site_id", linked=Case(When(CONNECTED, then=Value(1)), default=Value(0)))


def _order_codes(few: Few, *, since: datetime) -> "NDArray[np.void]":
    """What hubs were told since the event came in, the newest last."""
    words = [When(state=word, then=Value(ORDERS.index(word))) for word in Instruction.State.values]
    late = Q(acknowledged_at__gt=F("created_at") + LATE_AFTER)
    return _copied(
        _orders_since(few, since=since),
        "hub__site_id",
        code=Case(*words, default=Value(0)),
        late=Case(When(late, then=Value(1)), default=Value(0)),
    )


def _orders_since(few: Few, *, since: datetime) -> QuerySet[Instruction]:
    orders = Instruction.objects.filter(hub__site_id__in=few, created_at__gte=since, droop__isnull=True)
    return orders.order_by("pk")


def _orders(few: Few, *, since: datetime) -> dict[int, Order]:
    fields = ("hub__site_id", "state", "state_reason", "created_at", "acknowledged_at")
    rows = _orders_since(few, since=since).values_list(*fields)
    return {row[0]: Order._make(row[1:]) for row in rows if row[0] is not None}


def _names(few: Few) -> "QuerySet[Site, tuple[int, str]]":
    return Site.objects.filter(pk__in=few).values_list("pk", "name")


def _copied(rows: QuerySet[Any], site: str, **values: Any) -> "NDArray[np.void]":
    """Copy `site`, a site's number, and numbers beside it."""
    return copy_values(
        rows.annotate(**values).values_list(site, *values),
        fields=[("site", ">i4"), *((name, ">f8") for name in values)],
    )


def _spread(ids: Ids, *, sites: Any, values: Any, empty: float) -> Floats:
    """Put values of some sites to their places among `ids`, the last of a site counting."""
    spread = np.full(len(ids), empty, np.float64)
    if len(ids):
        places = np.minimum(np.searchsorted(ids, sites), len(ids) - 1)
        ours = ids[places] == sites
        spread[places[ours]] = values[ours]
    return spread


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
