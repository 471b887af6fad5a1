"""What assistants see of a person's homes."""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from apps.accounts.models import User
from apps.assistants.errors import ThingUnknownError
from apps.hubs.owner_orders import wish_in, wishes_of_sites
from apps.sites.api.access import Granted
from apps.sites.models import Resource, Site
from apps.sites.selectors import is_owner, resources_by_site, sites_of_household
from apps.telemetry.selectors import latest_rows

Kind = Literal["home", "battery", "sun"]
FRESH: Final = timedelta(minutes=15)
IDLE_KW: Final = 0.02
OVER: Final = {"rejected", "expired"}
_COLUMNS: Final = ("battery_soc", "battery_kw", "pv_kw")


@dataclasses.dataclass(frozen=True)
class HomeNow:
    """A home as it is now; powers [kW] and state of charge (0–1) are None where nothing was measured lately."""

    site: Site
    may_control: bool
    battery: Resource | None
    has_sun: bool
    is_online: bool
    soc: float | None
    charge_kw: float | None
    discharge_kw: float | None
    production_kw: float | None
    charge_asked: bool

    @property
    def is_charging(self) -> bool:
        return (self.charge_kw or 0.0) > IDLE_KW

    @property
    def is_discharging(self) -> bool:
        return (self.discharge_kw or 0.0) > IDLE_KW

    @property
    def soc_pct(self) -> int | None:
        return None if self.soc is None else round(min(max(self.soc, 0.0), 1.0) * 100)

    @property
    def reserve_pct(self) -> int:
        return round(self.site.reserve_soc * 100)


@dataclasses.dataclass(frozen=True)
class Thing:
    """What an assistant takes for a device: the home itself, its battery or its sun."""

    kind: Kind
    home: HomeNow

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.home.site.pk}"


def homes_of(*, user: User, granted: Granted, now: datetime) -> list[HomeNow]:
    """Return the homes of `user` that the token was granted for, if it may read."""
    if "read" not in granted.rights:
        return []
    sites = list(sites_of_household(user=user).filter(pk__in=granted.site_ids))
    controlled = {one.pk for one in sites if "control" in granted.rights and is_owner(user=user, site=one)}
    return homes_now(sites=sites, controlled=controlled, now=now)


def home_now(*, site: Site, may_control: bool, now: datetime) -> HomeNow:
    """Return one home, by whoever may see it."""
    return homes_now(sites=[site], controlled={site.pk} if may_control else set(), now=now)[0]


def homes_now(*, sites: Sequence[Site], controlled: Collection[int], now: datetime) -> list[HomeNow]:
    """Return homes, by whoever may see them; those that are `controlled` are theirs to command."""
    site_ids = [one.pk for one in sites]
    kinds = resources_by_site(site_ids=site_ids)
    rows = latest_rows(site_ids=site_ids, columns=_COLUMNS)
    latest = {site_id: values for site_id, at, *values in rows if now - at <= FRESH}
    asked = _asked(site_ids, now=now)
    return [
        _home(
            one, kinds[one.pk], values=latest.get(one.pk), may_control=one.pk in controlled, asked=asked
        )
        for one in sites
    ]  # fmt: skip


def things_of(homes: list[HomeNow]) -> list[Thing]:
    """Return what there is of these homes."""
    found = [Thing("home", one) for one in homes]
    found += [Thing("battery", one) for one in homes if one.battery is not None]
    return found + [Thing("sun", one) for one in homes if one.has_sun]


def thing_of(homes: list[HomeNow], key: str) -> Thing:
    """Return one of them; ThingUnknownError for any other."""
    for one in things_of(homes):
        if one.key == key:
            return one
    raise ThingUnknownError("there is no such thing in the homes that this token sees")


def _home(
    site: Site,
    kinds: dict[str, Resource],
    *,
    values: list[float | None] | None,
    may_control: bool,
    asked: set[tuple[int, str]],
) -> HomeNow:
    soc, battery_kw, pv_kw = values or (None, None, None)
    battery = kinds.get("battery")
    return HomeNow(
        site=site,
        may_control=may_control,
        battery=battery,
        has_sun="pv" in kinds,
        is_online=values is not None,
        soc=soc,
        charge_kw=None if battery_kw is None else max(battery_kw, 0.0),
        discharge_kw=None if battery_kw is None else max(-battery_kw, 0.0),
        production_kw=None if pv_kw is None else max(-pv_kw, 0.0),
        charge_asked=battery is not None and (site.pk, battery.key) in asked,
    )


def _asked(site_ids: list[int], *, now: datetime) -> set[tuple[int, str]]:
    """Return of which homes' devices charging is asked for."""
    held = {at: wish_in(one) for at, one in wishes_of_sites(site_ids=site_ids, now=now).items()}
    return {at for at, wish in held.items() if wish.state not in OVER and (wish.kw or 0.0) > 0.0}
