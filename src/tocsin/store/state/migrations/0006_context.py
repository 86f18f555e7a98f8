"""What a site knows of itself, dated, and from which loads."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds both tables."""

    dependencies = [("tocsin", "0008_dead_letter_source")]

    operations = [
        migrations.CreateModel(
            name="ContextFact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("feed", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=20)),
                ("key", models.TextField()),
                ("scope", models.TextField()),
                ("since", models.BigIntegerField()),
                ("until", models.BigIntegerField()),
                ("in_force", models.BooleanField()),
                ("body", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="ContextLoad",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("feed", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=20)),
                ("at", models.BigIntegerField()),
                ("index_id", models.CharField(max_length=64)),
                ("body", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
        migrations.AddIndex(
            model_name="contextfact",
            index=models.Index(fields=["feed", "kind", "in_force"], name="context_of_feed"),
        ),
        migrations.AddIndex(
            model_name="contextload",
            index=models.Index(fields=["feed", "kind"], name="context_load_of_feed"),
        ),
    ]
