from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("markets", "0003_stored_trees")]

    operations = [
        migrations.AddField(
            model_name="market",
            name="carbon_g_per_kwh",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="of a kWh from outside the market or of no stated origin",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="market",
            name="carbon_source",
            field=models.CharField(blank=True, help_text="where that figure is from", max_length=200),
        ),
    ]
