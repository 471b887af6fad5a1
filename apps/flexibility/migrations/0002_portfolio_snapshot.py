"""One row an organization: what all its homes can give, as arrays."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("flexibility", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PortfolioSnapshot",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="accounts.organization",
                    ),
                ),
                ("computed_at", models.DateTimeField()),
                ("homes", models.PositiveIntegerField()),
                (
                    "arrays",
                    models.BinaryField(
                        help_text="one value a home and column, as apps.flexibility.packing packs them"
                    ),
                ),
                ("profiles", models.BinaryField(help_text="what homes drew by hour of day, likewise")),
                (
                    "reach",
                    models.JSONField(default=dict, help_text="mean and variance of the share in reach"),
                ),
            ],
        ),
    ]
