"""Feeds of intelligence, tables in force, matches of the past, and who looked at what."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the tables."""

    dependencies = [("tocsin", "0006_context"), ("tocsin", "0009_hold")]

    operations = [
        migrations.CreateModel(
            name="IntelligenceFeed",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("feed", models.CharField(max_length=64, unique=True)),
                ("tried", models.BigIntegerField()),
                ("succeeded", models.BigIntegerField()),
                ("changed", models.BigIntegerField()),
                ("newest", models.BigIntegerField()),
                ("stored", models.BigIntegerField()),
                ("indicators", models.BigIntegerField()),
                ("unsupported", models.BigIntegerField()),
                ("error", models.TextField()),
                ("note", models.TextField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="IntelligenceTable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("table_id", models.CharField(max_length=64)),
                ("at", models.BigIntegerField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="IntelligenceTaken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("partition", models.CharField(max_length=200, unique=True)),
                ("table_id", models.CharField(max_length=64)),
                ("first", models.BigIntegerField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="IntelligencePending",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("finding_id", models.CharField(max_length=64, unique=True)),
                ("body", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="MatchBack",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("table_id", models.CharField(max_length=64)),
                ("segment", models.CharField(max_length=64)),
                ("since", models.BigIntegerField()),
                ("created", models.BigIntegerField()),
                ("finished", models.BigIntegerField(db_index=True, default=0)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="MatchBackFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("job", models.BigIntegerField()),
                ("file", models.CharField(max_length=500)),
                ("events", models.BigIntegerField()),
                ("findings", models.BigIntegerField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="IncidentSeen",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("incident_id", models.CharField(max_length=64)),
                ("by", models.CharField(max_length=200)),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("times", models.BigIntegerField()),
            ],
            options={"abstract": False},
        ),
        migrations.AddConstraint(
            model_name="matchbackfile",
            constraint=models.UniqueConstraint(fields=["job", "file"], name="one_search"),
        ),
        migrations.AddConstraint(
            model_name="incidentseen",
            constraint=models.UniqueConstraint(fields=["incident_id", "by"], name="one_onlooker"),
        ),
    ]
