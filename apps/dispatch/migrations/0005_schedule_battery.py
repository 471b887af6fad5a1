import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0004_plan_steers")]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="battery_kw",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.FloatField(),
                blank=True,
                default=list,
                help_text="what a shed counts on from the battery, charging positive; of a steered plan it is all of the shed",
                size=None,
            ),
        ),
    ]
