from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from vpp.ledger.merkle import MerkleTree
from vpp.ledger.stored import pack_tree


def pack(apps: Any, schema_editor: Any) -> None:
    """Store the trees of entries that were sealed before."""
    entries, trees = apps.get_model("markets", "LogEntry"), apps.get_model("markets", "LogTree")
    for entry in entries.objects.order_by("pk").iterator():
        hashes = entry.leaves.order_by("position").values_list("leaf_hash", flat=True)
        trees.objects.create(entry=entry, nodes=pack_tree(MerkleTree(bytes(one) for one in hashes)))


class Migration(migrations.Migration):
    dependencies = [("markets", "0002_append_only_ledger")]

    operations = [
        migrations.AddIndex(
            model_name="logleaf",
            index=models.Index(fields=["entry", "participant"], name="leaf_mine_of_entry"),
        ),
        migrations.CreateModel(
            name="LogTree",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="tree",
                        serialize=False,
                        to="markets.logentry",
                    ),
                ),
                ("nodes", models.BinaryField()),
            ],
        ),
        # Hashes do not compress; uncompressed, a part can be read without the whole.
        migrations.RunSQL(
            "ALTER TABLE markets_logtree ALTER COLUMN nodes SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "CREATE TRIGGER trees_kept BEFORE UPDATE OR DELETE ON markets_logtree "
            "FOR EACH ROW EXECUTE FUNCTION markets_kept()",
            "DROP TRIGGER trees_kept ON markets_logtree",
        ),
        migrations.RunPython(pack, migrations.RunPython.noop),
    ]
