"""Findings have a standing: open, staged, hidden or building."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="finding",
            name="standing",
            field=models.CharField(default="open", max_length=8),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["standing", "time"], name="finding_by_standing"),
        ),
    ]
