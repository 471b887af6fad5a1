"""The home as a whole: monitor, notices, settings, and the paths common to all devices."""

import msgspec

from vpp.protocols.ores.devices import complete, period
from vpp.protocols.ores.facts import Facts, Home, Note, Preferences
from vpp.protocols.ores.faults import faults_of
from vpp.protocols.ores.messages import (
    Configuration,
    ConfigurationChange,
    Device,
    Discovery,
    Faults,
    Firmware,
    FirmwareStatus,
    Logging,
    LoggingQuery,
    Monitor,
    Notice,
    Notices,
    NotifyQuery,
    Query,
    Settings,
    SettingsChange,
)
from vpp.protocols.ores.values import (
    at_of,
    at_or_none,
    control_of,
    day_starts_at,
    flow_of,
    is_fresh,
    logged_of,
    presence,
    today_of,
)
from vpp.units import MS_PER_DAY, MS_PER_MINUTE

_RANK = {"info": 0, "warning": 1, "critical": 2}


def discovery(home: Home, query: Query) -> Discovery:
    """GET /device/discovery"""
    facts = home.facts()
    return Discovery(site_id=facts.site_id, at=at_of(facts.now), hub=presence(facts), devices=_devices(facts))


def firmware(home: Home, query: Query) -> FirmwareStatus:
    """GET /device/firmware/update"""
    facts = home.facts()
    found = []
    if facts.hub is not None:
        found = [Firmware(device_id="hub", kind="hub", version=facts.hub.agent_version)]
    return FirmwareStatus(site_id=facts.site_id, at=at_of(facts.now), devices=found)


def faults(home: Home, query: Query) -> Faults:
    """GET /device/safety/fault-detection"""
    return faults_of(home.facts(), home.wishes())


def logging(home: Home, query: LoggingQuery) -> Logging:
    """GET /device/data/logging"""
    facts = home.facts()
    starts_at, ends_at = period(
        query.starts_at, query.ends_at, now=facts.now, most_ms=92 * MS_PER_DAY, usual_ms=60 * MS_PER_MINUTE
    )
    rows = home.recorded(starts_at, ends_at, limit=query.limit + 1)
    page = rows[: query.limit]
    return Logging(
        site_id=facts.site_id,
        rows=[logged_of(row) for row in page],
        next_at=at_of(page[-1].at) if len(rows) > len(page) else None,
    )


def configuration(home: Home, query: Query) -> Configuration:
    """GET /hub/configure"""
    facts, held = home.facts(), home.preferences()
    hub, set_ = facts.hub, held.preferences
    return Configuration(
        site_id=facts.site_id,
        hub=presence(facts),
        hub_id=hub.hub_id if hub else "",
        agent_version=hub.agent_version if hub else "",
        model=hub.model if hub else "",
        serial=hub.serial if hub else "",
        features=list(hub.features) if hub else [],
        time_zone=facts.time_zone,
        cycle_s=hub.cycle_s if hub else None,
        snapshot_interval_s=hub.snapshot_interval_s if hub else None,
        import_limit_kw=set_.import_limit_kw,
        export_limit_kw=set_.export_limit_kw,
        state=held.state,
        changed_at=at_or_none(held.changed_at),
        reason=held.reason,
    )


def configure(home: Home, sent: ConfigurationChange) -> Configuration:
    """PATCH /hub/configure"""
    home.prefer(Preferences(import_limit_kw=sent.import_limit_kw, export_limit_kw=sent.export_limit_kw))
    return configuration(home, Query())


def settings(home: Home, query: Query) -> Settings:
    """GET /app/settings"""
    held = home.preferences()
    return Settings(
        site_id=home.facts().site_id,
        **{name: getattr(held.preferences, name) for name in SettingsChange.__struct_fields__},
        state=held.state,
        changed_at=at_or_none(held.changed_at),
        reason=held.reason,
    )


def settings_change(home: Home, sent: SettingsChange) -> Settings:
    """PATCH /app/settings"""
    home.prefer(Preferences(**msgspec.structs.asdict(sent)))
    return settings(home, Query())


def monitor(home: Home, query: Query) -> Monitor:
    """GET /app/monitor"""
    facts, wishes = home.facts(), home.wishes()
    return Monitor(
        site_id=facts.site_id,
        at=at_of(facts.now),
        hub=presence(facts),
        is_on_grid=facts.is_on_grid,
        is_fresh=is_fresh(facts),
        flow=flow_of(facts.latest),
        today=today_of(
            complete(home, facts, starts_at=day_starts_at(facts.now, facts.time_zone), ends_at=facts.now)
        ),
        devices=_devices(facts),
        controls=[control_of(wish) for wish in wishes],
        faults=faults_of(facts, wishes).faults,
    )


def notices(home: Home, query: NotifyQuery) -> Notices:
    """GET /app/notify"""
    facts = home.facts()
    found = [_notice(note) for note in home.notes(limit=query.limit)]
    for fault in faults_of(facts, home.wishes()).faults:
        at = fault.since or at_of(facts.now)
        found.append(
            Notice(
                notice_id=f"fault:{fault.code}:{fault.device_id}", at=at, kind="fault", severity=fault.severity,
                device_id=fault.device_id, text=fault.detail,
            )
        )  # fmt: skip
    wanted = [one for one in found if _RANK[one.severity] >= _RANK[query.severity]]
    wanted.sort(key=lambda one: (one.at, one.notice_id), reverse=True)
    return Notices(site_id=facts.site_id, at=at_of(facts.now), notices=wanted[: query.limit])


def _notice(note: Note) -> Notice:
    return Notice(
        notice_id=note.note_id,
        at=at_of(note.at),
        kind=note.kind,
        severity=note.severity,
        device_id=note.device_id,
        text=note.text,
    )


def _devices(facts: Facts) -> list[Device]:
    return [
        Device(device_id=one.key, kind=one.kind, name=one.name, parameters=dict(one.parameters))
        for one in facts.resources
    ]
