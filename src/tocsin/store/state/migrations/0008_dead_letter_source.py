"""A dead letter says of which source it was declared to be."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0003_decision")]

    operations = [
        migrations.AddField(
            model_name="deadletter",
            name="source_id",
            field=models.CharField(max_length=200, null=True),
        ),
    ]
