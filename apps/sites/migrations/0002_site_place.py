"""Where a site stands, for the sun: both degrees or none."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("sites", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="latitude_deg",
            field=models.FloatField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(-90),
                    django.core.validators.MaxValueValidator(90),
                ],
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="longitude_deg",
            field=models.FloatField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(-180),
                    django.core.validators.MaxValueValidator(180),
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="site",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("latitude_deg__isnull", True), ("longitude_deg__isnull", True)),
                    models.Q(
                        ("latitude_deg__isnull", False),
                        ("latitude_deg__range", (-90, 90)),
                        ("longitude_deg__isnull", False),
                        ("longitude_deg__range", (-180, 180)),
                    ),
                    _connector="OR",
                ),
                name="site_place",
            ),
        ),
    ]
