"""SQL of the time-series tables, for the migration and the partition task."""

from vpp.protocols.link.messages import COLUMNS

COLUMN_SQL = ", ".join(f"{name} double precision" for name in COLUMNS)
KEY_SQL = "site_id integer NOT NULL, at timestamptz NOT NULL"

PARTITIONED = {
    "telemetry_snapshot": f"({KEY_SQL}, {COLUMN_SQL}, PRIMARY KEY (site_id, at))",
    "telemetry_point": (
        "(series_id integer NOT NULL, at timestamptz NOT NULL, value double precision, PRIMARY KEY (series_id, at))"
    ),
}

PLAIN = [
    f"CREATE TABLE telemetry_latest (site_id integer PRIMARY KEY, at timestamptz NOT NULL, {COLUMN_SQL}) WITH (fillfactor = 50)",
    f"CREATE TABLE telemetry_quarter ({KEY_SQL}, samples integer NOT NULL, {COLUMN_SQL}, PRIMARY KEY (site_id, at))",
    "CREATE INDEX telemetry_quarter_at ON telemetry_quarter USING brin (at)",
    f"CREATE TABLE telemetry_day ({KEY_SQL}, samples integer NOT NULL, {COLUMN_SQL}, PRIMARY KEY (site_id, at))",
    # Which stretches of which sites changed since they were last rolled up.
    "CREATE TABLE telemetry_dirty (site_id integer NOT NULL, from_at timestamptz NOT NULL, to_at timestamptz NOT NULL)",
    "CREATE TABLE telemetry_rolled_up (until timestamptz NOT NULL)",
    "INSERT INTO telemetry_rolled_up VALUES ('epoch')",
]

TIMESCALE_AVAILABLE = "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'"
TIMESCALE_INSTALLED = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"


def partition_name(table: str, day: str) -> str:
    """Return the name of the partition for `day` (ISO date)."""
    return f"{table}_{day.replace('-', '')}"
