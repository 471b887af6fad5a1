import django.contrib.postgres.fields
from django.db import migrations, models

FILL = """
UPDATE dispatch_plan
SET steers = ARRAY(SELECT jsonb_array_elements_text(inputs -> 'signals')::uuid)
WHERE solver LIKE 'steered%' AND jsonb_typeof(inputs -> 'signals') = 'array'
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0003_responsiveness")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="fleet",
            field=models.JSONField(
                blank=True, default=dict, help_text="what a steered plan's homes do together, for pages"
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="steers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                blank=True,
                default=list,
                help_text="the steered signals planned together, if any",
                size=None,
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
