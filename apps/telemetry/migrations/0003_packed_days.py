"""Past quarter-hours once more, a day of a home in one row."""

from django.db import migrations

CREATE = [
    "CREATE TABLE telemetry_packed (site_id integer NOT NULL, day integer NOT NULL, grid_kw bytea NOT NULL, "
    "load_kw bytea NOT NULL, pv_kw bytea NOT NULL, ev_kw bytea NOT NULL, heat_kw bytea NOT NULL, "
    "PRIMARY KEY (site_id, day))",
    # Five times 384 bytes fit into a row; packing them further would cost more than it saves.
    *(
        f"ALTER TABLE telemetry_packed ALTER COLUMN {name} SET STORAGE PLAIN"
        for name in ("grid_kw", "load_kw", "pv_kw", "ev_kw", "heat_kw")
    ),
    "CREATE TABLE telemetry_packed_until (until integer NOT NULL)",
    "INSERT INTO telemetry_packed_until VALUES (0)",
    # Else ranges wait for a vacuum, which a table that only grows seldom gets, and every reader goes through them.
    "ALTER INDEX telemetry_quarter_at SET (autosummarize = on)",
    "CREATE TABLE telemetry_unpacked (site_id integer NOT NULL, day integer NOT NULL, PRIMARY KEY (site_id, day))",
]
DROP = [
    "DROP TABLE telemetry_packed, telemetry_packed_until, telemetry_unpacked",
    "ALTER INDEX telemetry_quarter_at RESET (autosummarize)",
]


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0002_row_classes")]
    operations = [
        migrations.RunSQL(CREATE, reverse_sql=DROP),
    ]
