"""Time-series tables: hypertables where TimescaleDB is installed, day partitions elsewhere."""

from django.db import migrations, models

from apps.telemetry.schema import PARTITIONED, PLAIN, TIMESCALE_AVAILABLE


def create_tables(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(TIMESCALE_AVAILABLE)
        timescale = cursor.fetchone()[0] > 0
        if timescale:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        for table, columns in PARTITIONED.items():
            if timescale:
                cursor.execute(f"CREATE TABLE {table} {columns}")
                cursor.execute(
                    f"SELECT create_hypertable('{table}', 'at', chunk_time_interval => interval '1 day', create_default_indexes => false)"
                )
            else:
                cursor.execute(f"CREATE TABLE {table} {columns} PARTITION BY RANGE (at)")
        for statement in PLAIN:
            cursor.execute(statement)


def drop_tables(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table in [
            *PARTITIONED,
            "telemetry_latest",
            "telemetry_quarter",
            "telemetry_day",
            "telemetry_dirty",
            "telemetry_rolled_up",
        ]:
            cursor.execute(f"DROP TABLE IF EXISTS {table} CASCADE")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunPython(create_tables, drop_tables),
        migrations.CreateModel(
            name="Series",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site_id", models.IntegerField()),
                ("resource", models.CharField(max_length=64)),
                ("quantity", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("site_id", "resource", "quantity"), name="series_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Quarantined",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site_id", models.IntegerField()),
                (
                    "sent_at",
                    models.BigIntegerField(help_text="the instant the hub stated, in ms since the epoch"),
                ),
                ("reason", models.CharField(max_length=40)),
                ("content", models.JSONField()),
                ("received_at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["site_id", "-id"], name="quarantined_recent")]},
        ),
    ]
