"""What was expected of the homes of an organization, by the time it was issued."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.flexibility.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("flexibility", "0002_portfolio_snapshot"),
        ("sites", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ForecastRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "quantity",
                    models.CharField(choices=[("load", "Load"), ("pv", "Pv"), ("net", "Net")], max_length=8),
                ),
                ("issued_at", models.DateTimeField(help_text="nothing that ended later was known")),
                ("starts_at", models.DateTimeField()),
                ("step_s", models.PositiveIntegerField()),
                ("count", models.PositiveIntegerField()),
                (
                    "levels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), help_text="of the quantiles", size=None
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="accounts.organization"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ForecastValues",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("method", models.CharField(max_length=64)),
                (
                    "mean_kw",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=apps.flexibility.models.RealField(null=True),
                        help_text="one value an interval, empty where nothing is known",
                        size=None,
                    ),
                ),
                (
                    "quantiles_kw",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=django.contrib.postgres.fields.ArrayField(
                            base_field=apps.flexibility.models.RealField(null=True), size=None
                        ),
                        help_text="one row a level",
                        size=None,
                    ),
                ),
                ("homes", models.PositiveIntegerField(default=1, help_text="how many are in the sum")),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="values",
                        to="flexibility.forecastrun",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="sites.site"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="forecastrun",
            constraint=models.UniqueConstraint(
                fields=("organization", "quantity", "issued_at"), name="forecast_issued_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="forecastvalues",
            constraint=models.UniqueConstraint(fields=("run", "site"), name="forecast_site_once"),
        ),
        migrations.AddConstraint(
            model_name="forecastvalues",
            constraint=models.UniqueConstraint(
                condition=models.Q(("site", None)), fields=("run",), name="forecast_portfolio_once"
            ),
        ),
    ]
