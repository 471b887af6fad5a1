"""Collective self-consumption: communities, their members, and the settlement of a day from meter data."""

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common.bulk import bulk_copy
from apps.markets.delivery import MARGIN
from apps.markets.errors import SharingInvalidError, SharingTakenError
from apps.markets.models import LogEntry, SharingCommunity, SharingCredit, SharingMember, SharingRun
from apps.markets.sealing import Leaf, Subject, seal
from apps.markets.sharing_keys import share_day
from apps.markets.sharing_selectors import homes_to_share
from apps.sites.models import GridArea, Site
from apps.sites.selectors import areas_fed_by
from apps.telemetry.selectors import register_readings
from vpp.ledger.canonical import canonical_bytes

log = logging.getLogger(__name__)
DATA_DUE: Final = timedelta(hours=2)
DAYS_BACK: Final = 3
INTERVALS_S: Final = (900, 1800, 3600)
GREATEST_PART: Final = 1_000_000_000
WH: Final = 1000


@transaction.atomic
def community_create(
    *, organization: Organization, grid_area: GridArea, name: str, actor: str, now: datetime, **rules: Any
) -> SharingCommunity:
    """Found a community of homes that share their generation."""
    made = SharingCommunity(
        organization=organization, grid_area=grid_area, name=name.strip(), created_at=now, **rules
    )
    _check(made)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise SharingTakenError("there is a community of this name") from error
    _note(made, "sharing_create", actor=actor, now=now, key=made.key)
    return made


def community_lock(*, community: SharingCommunity) -> None:
    """Let nobody else change a community until the transaction ends; `community` is as it is then."""
    SharingCommunity.objects.select_for_update().get(pk=community.pk)
    community.refresh_from_db(fields=["key", "name"])


@transaction.atomic
def key_set(*, community: SharingCommunity, key: str, actor: str, now: datetime) -> SharingCommunity:
    """Share by another key, from the next settlement on."""
    held = SharingCommunity.objects.select_for_update(of=("self",)).get(pk=community.pk)
    held.key = key
    _check(held)
    held.save(update_fields=["key"])
    _note(held, "sharing_key_set", actor=actor, now=now, key=key)
    return held


@transaction.atomic
def member_set(
    *, community: SharingCommunity, site: Site, part: int, actor: str, now: datetime
) -> SharingMember:
    """Let a home of the community's area share, or change its part."""
    if site.organization_id != community.organization_id or site.grid_area_id not in areas_fed_by(
        area=community.grid_area
    ):
        raise SharingInvalidError("the home is not in the community's grid area")
    _check_part(part)
    held = SharingMember.objects.select_for_update().filter(site=site).first()
    if held is not None and held.community_id != community.pk:
        raise SharingTakenError("the home shares in another community")
    if held is None:
        held = SharingMember(community=community, site=site, joined_at=now)
    held.part = part
    held.save()
    _note(community, "sharing_member_set", actor=actor, now=now, site=site.pk, part=part)
    return held


@transaction.atomic
def members_add(*, community: SharingCommunity, part: int, actor: str, now: datetime) -> int:
    """Let every home of the community's area share that shares nowhere yet; return how many."""
    _check_part(part)
    found = list(homes_to_share(community=community).values_list("pk", flat=True))
    joining = [
        SharingMember(community=community, site_id=pk, part=part, joined_at=now) for pk in sorted(found)
    ]
    made = SharingMember.objects.bulk_create(joining, ignore_conflicts=True)
    _note(community, "sharing_members_add", actor=actor, now=now, homes=len(made), part=part)
    return len(made)


@transaction.atomic
def member_remove(*, community: SharingCommunity, site_id: int, actor: str, now: datetime) -> None:
    """Let a home share no more; what was settled stays."""
    gone, _ = SharingMember.objects.filter(community=community, site_id=site_id).delete()
    if not gone:
        raise SharingInvalidError("the home does not share here")
    _note(community, "sharing_member_remove", actor=actor, now=now, site=site_id)


def sharing_settle_due(*, now: datetime) -> int:
    """Settle the last days of every community, again where something has changed; return how many runs were made."""
    made = 0
    for community in SharingCommunity.objects.select_related("organization").order_by("pk"):
        today = (now - DATA_DUE).astimezone(ZoneInfo(community.time_zone)).date()
        for back in range(DAYS_BACK, 0, -1):
            try:
                made += day_settle(community=community, day=today - timedelta(days=back), now=now) is not None
            except Exception:
                log.exception("sharing of community %s could not be settled, trying again", community.pk)
    return made


@transaction.atomic
def day_settle(*, community: SharingCommunity, day: date, now: datetime) -> SharingRun | None:
    """Settle one local day; None where the last run had the same members, parts, key and meter data, or there are none."""
    held = SharingCommunity.objects.select_for_update(of=("self",)).get(pk=community.pk)
    zone = ZoneInfo(held.time_zone)
    starts_at, ends_at = (
        datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(days=1))
    )
    if ends_at > now:
        raise SharingInvalidError("this day is not over")
    members = [one for one in held.members.order_by("site_id") if one.joined_at < ends_at]
    if not members:
        return None
    net = _net_wh(
        [one.site_id for one in members], starts_at=starts_at, ends_at=ends_at, interval_s=held.interval_s
    )
    parts = [one.part for one in members]
    said = json.dumps([held.key, [one.site_id for one in members], parts, net], separators=(",", ":"))
    fingerprint = hashlib.sha256(said.encode()).hexdigest()
    before = SharingRun.objects.filter(community=held, date=day).order_by("-version").first()
    if before is not None and before.input_hash == fingerprint:
        return None
    run = SharingRun(
        community=held, date=day, version=before.version + 1 if before else 1, key=held.key, starts_at=starts_at,
        ends_at=ends_at, created_at=now, input_hash=fingerprint, missing=sum(row.count(None) for row in net),
    )  # fmt: skip
    return _store(run, members, net=net)


def _store(run: SharingRun, members: Sequence[SharingMember], *, net: list[list[int | None]]) -> SharingRun:
    shared = share_day(net_wh=net, parts=[one.part for one in members], key=run.key)  # type: ignore[arg-type]
    credits = [
        SharingCredit(
            site_id=one.site_id, part=one.part, net_wh=net[row], credited_wh=shared.credited_wh[row],
            given_wh=shared.given_wh[row], drawn_sum_wh=sum(max(0, value or 0) for value in net[row]),
            fed_sum_wh=sum(max(0, -(value or 0)) for value in net[row]),
            credited_sum_wh=sum(shared.credited_wh[row]), given_sum_wh=sum(shared.given_wh[row]),
        )
        for row, one in enumerate(members)
    ]  # fmt: skip
    run.generated_wh = sum(one.fed_sum_wh for one in credits)
    run.drawn_wh = sum(one.drawn_sum_wh for one in credits)
    run.shared_wh = sum(one.credited_sum_wh for one in credits)
    run.save(force_insert=True)
    for position, one in enumerate(credits):
        one.run, one.position = run, position
    bulk_copy(SharingCredit, credits)
    _seal(run, credits)
    return run


def _seal(run: SharingRun, credits: Sequence[SharingCredit]) -> None:
    """Seal a day like a clearing run: each home's sums, and a hash of its intervals, which can be deleted."""
    names = ("part", "drawn_sum_wh", "fed_sum_wh", "credited_sum_wh", "given_sum_wh")
    said = {"community": run.community_id, "date": run.date.isoformat(), "version": run.version}
    leaves = [
        Leaf(
            None,
            {
                **said, "site": one.site_id, "intervals": intervals_hash(one),
                **{name: getattr(one, name) for name in names},
            },
        )
        for one in credits
    ]  # fmt: skip
    facts = {
        **said, "key": run.key, "input_hash": run.input_hash, "generated_wh": run.generated_wh, "drawn_wh": run.drawn_wh,
        "shared_wh": run.shared_wh,
    }  # fmt: skip
    subject = Subject(
        run.community.organization_id, str(LogEntry.Kind.SHARING), f"sharing:{run.pk}:{run.version}", facts
    )
    run.entry = seal(subject=subject, leaves=leaves, now=run.created_at)
    run.save(update_fields=["entry"])


def intervals_hash(one: SharingCredit) -> str:
    """Return SHA-256 of a home's intervals as canonical JSON: net, credited, given [Wh]."""
    return hashlib.sha256(canonical_bytes({"wh": [one.net_wh, one.credited_wh, one.given_wh]})).hexdigest()


def _net_wh(
    site_ids: Sequence[int], *, starts_at: datetime, ends_at: datetime, interval_s: int
) -> list[list[int | None]]:
    """What each home drew less what it fed in, interval by interval [Wh]; None where its meter does not say."""
    from vpp.intervals import Grid
    from vpp.settlement.metering import interval_energies

    count = round((ends_at.timestamp() - starts_at.timestamp()) / interval_s)
    grid = Grid(starts_at, interval_s, count)
    readings = register_readings(site_ids=site_ids, starts_at=starts_at - MARGIN, ends_at=ends_at + MARGIN)
    found: list[list[int | None]] = []
    for site_id in site_ids:
        rows = readings[site_id]
        net_kwh = interval_energies(
            at_ms=[round(row.at.timestamp() * 1000) for row in rows],
            import_kwh=[row.import_kwh for row in rows],
            export_kwh=[row.export_kwh for row in rows],
            grid=grid,
        ).net_kwh.tolist()
        found.append([None if value != value else round(value * WH) for value in net_kwh])  # noqa: PLR0124
    return found


def _check_part(part: int) -> None:
    if not 0 <= part <= GREATEST_PART:
        raise SharingInvalidError("a part is between 0 and 1,000,000,000")


def _check(community: SharingCommunity) -> None:
    rules = [
        (
            community.grid_area.organization_id == community.organization_id,
            "no such grid area",
        ),
        (0 < len(community.name) <= 120, "a name of 1 to 120 characters is needed"),
        (community.key in SharingCommunity.Key.values, "key must be static, dynamic or hybrid"),
        (community.interval_s in INTERVALS_S, "interval_s must be 900, 1800 or 3600"),
        (_is_zone(community.time_zone), "no such time zone"),
    ]
    said = [message for good, message in rules if not good]
    if said:
        raise SharingInvalidError(said[0])


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _note(community: SharingCommunity, action: str, *, actor: str, now: datetime, **detail: Any) -> None:
    audit(
        organization=community.organization, actor=actor, action=action, subject=f"sharing community {community.pk}",
        now=now, **detail,
    )  # fmt: skip
