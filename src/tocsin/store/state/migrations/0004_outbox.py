"""What other tools are told of their alerts, and the cause of a verdict."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the outbox, and a column to verdicts."""

    dependencies = [("tocsin", "0008_dead_letter_source")]

    operations = [
        migrations.AddField(
            model_name="verdict",
            name="cause",
            field=models.CharField(default="", max_length=32),
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source_id", models.CharField(max_length=200)),
                ("uid", models.TextField()),
                ("finding_id", models.CharField(db_index=True, max_length=64)),
                ("state", models.CharField(max_length=16)),
                ("attempts", models.IntegerField(default=0)),
                ("due", models.BigIntegerField()),
                ("at", models.BigIntegerField()),
                ("outcome", models.TextField(default="")),
                ("body", models.BinaryField()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["state", "due"], name="outbox_due")],
            },
        ),
    ]
