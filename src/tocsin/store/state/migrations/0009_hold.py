"""Legal holds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0008_dead_letter_source")]

    operations = [
        migrations.CreateModel(
            name="Hold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hold_id", models.CharField(max_length=64, unique=True)),
                ("released", models.BigIntegerField()),
                ("body", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
    ]
