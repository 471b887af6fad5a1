"""Sums of quarter-hours over all homes of an organization."""

from django.db import migrations

CREATE = (
    "CREATE TABLE telemetry_fleet_quarter (organization_id integer NOT NULL, at timestamptz NOT NULL, homes integer NOT NULL, "
    "grid_kw double precision, pv_kw double precision, battery_kw double precision, PRIMARY KEY (organization_id, at))"
)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0004_gaps")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE telemetry_fleet_quarter")]
