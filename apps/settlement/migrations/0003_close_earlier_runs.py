from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def close_earlier_runs(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Close runs whose inputs were not kept: their measurements may be gone, so nothing may true them up."""
    apps.get_model("settlement", "SettlementRun").objects.update(kind="final")


class Migration(migrations.Migration):
    dependencies = [
        ("settlement", "0002_runs_and_disputes"),
    ]

    operations = [
        migrations.RunPython(close_earlier_runs, migrations.RunPython.noop),
    ]
