"""Objects stored before VENs could read get their audience, events their end."""

from django.db import migrations

AUDIENCE = """
UPDATE {table} SET audience = CASE
    WHEN coalesce(jsonb_array_length(nullif(content -> 'targets', 'null'::jsonb)), 0) = 0
    THEN ARRAY[organization_id::text]
    ELSE ARRAY(SELECT organization_id || ':' || target FROM jsonb_array_elements_text(content -> 'targets') AS target)
END
WHERE deleted_at IS NULL
"""
END = """
UPDATE openadr_eventobject SET ends_at = signal.ends_at
FROM programs_gridsignal AS signal WHERE signal.id = signal_id
"""


class Migration(migrations.Migration):
    dependencies = [("openadr", "0003_clients_and_audiences")]

    operations = [
        migrations.RunSQL(AUDIENCE.format(table="openadr_programobject"), migrations.RunSQL.noop),
        migrations.RunSQL(AUDIENCE.format(table="openadr_eventobject"), migrations.RunSQL.noop),
        migrations.RunSQL(END, migrations.RunSQL.noop),
    ]
