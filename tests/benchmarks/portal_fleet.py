"""A fleet like one home: the same rows once more for every other home, written by the database itself."""

from typing import Any

from django.db import connection

# Tables with a row or more of the first home, and what differs in another home's row. `s` is the other home, `t` the row.
CLONES = {
    "hubs_hub": "'id', gen_random_uuid(), 'public_key', '\\x' || md5(s.id::text) || md5('k' || s.id::text), "
    "'serial', 'E-' || s.id, 'agent_version', '0.' || s.id % 4 || '.0', "
    "'disconnected_at', CASE WHEN s.id % 33 = 0 THEN t.connected_at + interval '20 hours' END",
    "sites_resource": "'id', nextval('sites_resource_id_seq')",
    "telemetry_latest": "'grid_kw', (s.id % 70) / 10.0 - 2, 'battery_soc', (s.id % 90) / 100.0 + 0.05",
    "programs_enrollment": "'id', nextval('programs_enrollment_id_seq')",
    "dispatch_schedule": "'id', gen_random_uuid()",
    "flexibility_siteflexibility": "'id', nextval('flexibility_siteflexibility_id_seq')",
    "settlement_statement": "'id', nextval('settlement_statement_id_seq')",
}
HOMES = """
WITH areas AS (
  INSERT INTO sites_gridarea (organization_id, name)
  SELECT s.organization_id, 'Feeder ' || n FROM sites_site s, generate_series(1, 100) AS n WHERE s.id = %(site)s
  RETURNING id
), placed AS (SELECT id, row_number() OVER () - 1 AS place FROM areas)
INSERT INTO sites_site SELECT (jsonb_populate_record(s, jsonb_build_object(
  'id', nextval('sites_site_id_seq'), 'name', 'Long Street ' || n, 'grid_area_id', placed.id,
  'latitude_deg', 47.5 + (n::bigint * 7919 %% 7000) / 1000.0, 'longitude_deg', 6.5 + (n::bigint * 104729 %% 8000) / 1000.0,
  'import_limit_kw', 11 + n %% 20, 'export_limit_kw', 5 + n %% 9))).*
FROM sites_site s, generate_series(1, %(homes)s) AS n, placed WHERE s.id = %(site)s AND placed.place = n %% 100
"""
# What a fleet has gathered besides: orders of the running event, the audit log of months, incidents, messages.
GATHERED = (
    "INSERT INTO telemetry_snapshot (site_id, at, grid_kw) SELECT s.id, l.at, (s.id %% 50) / 10.0 - 2 "
    "FROM sites_site s, telemetry_latest l WHERE l.site_id = %(site)s AND s.name LIKE 'Long Street %%'",
    "INSERT INTO hubs_instruction (instruction_id, revision, hub_id, subject, priority, reason, not_before, expires_at, "
    "state, state_reason, created_at) SELECT gen_random_uuid(), 1, h.id, 'signal', 100, 'evening relief', %(now)s, "
    "%(now)s + interval '2 hours', 'applied', '', %(now)s FROM hubs_hub h WHERE h.site_id IS NOT NULL",
    "INSERT INTO accounts_auditentry (organization_id, actor, action, subject, detail, at) SELECT %(organization)s, "
    "'person' || n %% 40 || '@example.org', (ARRAY['site.opt_out', 'hub.revoke', 'run.approve'])[1 + n %% 3], "
    "'site:' || n %% 50000, jsonb_build_object('reason', 'visit ' || n), %(now)s - n * interval '1 minute' "
    "FROM generate_series(1, %(homes)s * 4) AS n",
    "INSERT INTO alerts_incident (organization_id, kind, key, severity, title, detail, count, site_id, opened_at, "
    "changed_at, cleared_at, acknowledged_by, reopened) SELECT %(organization)s, 'hub_offline', 'hub:' || h.id, "
    "'warning', 'The hub of ' || s.name || ' is offline', '', 1, s.id, %(now)s - s.id * interval '10 seconds', %(now)s, "
    "CASE WHEN s.id %% 33 = 0 THEN NULL ELSE %(now)s END, '', 0 FROM sites_site s JOIN hubs_hub h ON h.site_id = s.id "
    "WHERE s.name LIKE 'Long Street %%'",
    "INSERT INTO alerts_notification (user_id, site_id, kind, key, facts, batch, in_app, created_at) "
    "SELECT %(owner)s, %(site)s, 'hub_back', n, '{}', gen_random_uuid(), true, %(now)s - n * interval '1 hour' "
    "FROM generate_series(1, 500) AS n",
)


def multiply(world: Any, *, homes: int, now: Any) -> None:
    """Make homes like the first one, without its history, and what a fleet gathers."""
    from apps.accounts.models import Organization
    from apps.flexibility.day import day_refresh
    from apps.flexibility.snapshots import portfolio_refresh

    facts = {"homes": homes, "now": now, "owner": world.people["owner"].pk, **world.values}
    with connection.cursor() as cursor:
        cursor.execute(HOMES, facts)
        for table, changes in CLONES.items():
            cursor.execute(
                f"INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object('site_id', s.id, {changes}))).* "
                f"FROM {table} t, sites_site s WHERE t.site_id = {int(facts['site'])} AND s.name LIKE 'Long Street %'"
            )
        for statement in GATHERED:
            cursor.execute(statement, facts)
        cursor.execute("ANALYZE")
    organization = Organization.objects.get(pk=facts["organization"])
    portfolio_refresh(organization=organization, now=now)
    day_refresh(organization=organization, now=now)
