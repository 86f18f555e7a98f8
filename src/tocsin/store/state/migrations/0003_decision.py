"""Decisions of people about incidents."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds their table."""

    dependencies = [("tocsin", "0002_finding_standing")]

    operations = [
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("incident_ids", models.TextField()),
                ("body", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
    ]
