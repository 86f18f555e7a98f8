"""Tables, named after the vocabulary. All times are int64 microseconds UTC.

Rows never leave `store`: its views return the frozen values of `model`. Bodies are those values in
MessagePack; the other columns of such a table are copies to search and sort by.
"""

# Meta is Django's way to declare a table's indexes
# no admin pages show rows; a finding without incident is null, not ""

from django.db import models


class Row(models.Model):
    """A row of state."""

    class Meta:
        abstract = True


class Cursor(Row):
    """How far a partition of the spool has been worked off: `think` by core, `lake` by a worker."""

    partition = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    offset = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partition", "kind"], name="one_cursor")]


class FoldState(Row):
    """What a Fold remembers for one key: bytes that only the Fold understands."""

    fold = models.CharField(max_length=100)
    key = models.TextField()
    state = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fold", "key"], name="one_fold_state")]


class SeenRun(Row):
    """The events that one batch brought for the first time; runs are only added and cut off.

    `uids` holds 16 bytes per event, `offsets` 8 (little-endian), in the same order. `sources` are
    the names of the sources in it, a line each, and `newest` its latest event time.
    """

    partition = models.CharField(max_length=200)
    events = models.IntegerField()
    sources = models.TextField()
    newest = models.BigIntegerField()
    uids = models.BinaryField()
    offsets = models.BinaryField()


class Finding(Row):
    """A detector's statement and the incident that it belongs to, if any yet."""

    finding_id = models.CharField(max_length=64, unique=True)
    site = models.CharField(max_length=100)
    rule_id = models.CharField(max_length=200, db_index=True)
    level = models.SmallIntegerField()
    title = models.TextField()
    time = models.BigIntegerField(db_index=True)
    source_id = models.CharField(max_length=200)
    content_id = models.CharField(max_length=64)
    incident_id = models.CharField(max_length=64, null=True)
    standing = models.CharField(max_length=8, default="open")
    body = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["incident_id", "time"], name="finding_of_incident"),
            models.Index(fields=["standing", "time"], name="finding_by_standing"),
        ]


class Incident(Row):
    """Findings that belong together, as they stand now."""

    incident_id = models.CharField(max_length=64, unique=True)
    site = models.CharField(max_length=100)
    level = models.SmallIntegerField()
    title = models.TextField()
    first = models.BigIntegerField()
    last = models.BigIntegerField(db_index=True)
    finding_count = models.BigIntegerField()
    status = models.CharField(max_length=8, default="open")
    body = models.BinaryField()


class IncidentAlias(Row):
    """Another id of an incident that turned out to be the same; always points at the incident."""

    alias = models.CharField(max_length=64, unique=True)
    incident_id = models.CharField(max_length=64, db_index=True)


class Verdict(Row):
    """A person's grade. `incident_id` is the id that the person saw, and may be an alias now."""

    incident_id = models.CharField(max_length=64, db_index=True)
    grade = models.CharField(max_length=32)
    reason = models.TextField()
    by = models.CharField(max_length=200)
    at = models.BigIntegerField()
    cause = models.CharField(max_length=32, default="")


class Outbox(Row):
    """What a tool shall be told of its alert; see `store.outbox`."""

    source_id = models.CharField(max_length=200)
    uid = models.TextField()
    finding_id = models.CharField(max_length=64, db_index=True)
    state = models.CharField(max_length=16)
    attempts = models.IntegerField(default=0)
    due = models.BigIntegerField()
    at = models.BigIntegerField()
    outcome = models.TextField(default="")
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["state", "due"], name="outbox_due")]


class Decision(Row):
    """What a person decided about incidents; `incident_ids` a line each, as they were named."""

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16)
    incident_ids = models.TextField()
    body = models.BinaryField()


class JournalEntry(Row):
    """One link of the chain; see `model.journal`."""

    sequence = models.BigIntegerField(primary_key=True)
    previous = models.CharField(max_length=64)
    at = models.BigIntegerField()
    actor = models.CharField(max_length=200)
    kind = models.CharField(max_length=64)
    subject = models.TextField()
    body = models.TextField()
    digest = models.CharField(max_length=64)


class Evidence(Row):
    """A dated claim; `digest` binds it."""

    digest = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=64)
    subject = models.TextField()
    issued = models.BigIntegerField()
    expires = models.BigIntegerField()
    revoked = models.BigIntegerField(null=True)
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["kind", "subject"], name="evidence_about")]


class AppliedContent(Row):
    """A ContentSet that was put into force; the newest row is the one in force."""

    content_id = models.CharField(max_length=64)
    at = models.BigIntegerField()
    by = models.CharField(max_length=200)
    files = models.TextField()


class Counter(Row):
    """A number that only grows; `labels` are its parts joined by `|`."""

    name = models.CharField(max_length=100)
    labels = models.TextField()
    value = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels"], name="one_counter")]


class SourceSeen(Row):
    """What arrived from a source so far."""

    source_id = models.CharField(max_length=200, unique=True)
    events = models.BigIntegerField()
    first_received = models.BigIntegerField()
    last_received = models.BigIntegerField()
    last_event = models.BigIntegerField()


class DeadLetter(Row):
    """A record that could not be used, with the reason and (bounded) the original.

    `source_id` is the source that was declared for it, if any.
    """

    partition = models.CharField(max_length=200)
    offset = models.BigIntegerField()
    origin = models.TextField()
    position = models.BigIntegerField()
    received_at = models.BigIntegerField()
    reason = models.CharField(max_length=64, db_index=True)
    detail = models.TextField()
    raw = models.BinaryField()
    source_id = models.CharField(max_length=200, null=True)


class Hold(Row):
    """A legal hold; `released` is 0 while it holds."""

    hold_id = models.CharField(max_length=64, unique=True)
    released = models.BigIntegerField()
    body = models.BinaryField()


class ContextFact(Row):
    """Something that a feed said about the site; see `model.context.Fact`.

    `scope` is the part of the feed that it came in, `until` its end as it is known now.
    """

    feed = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    key = models.TextField()
    scope = models.TextField()
    since = models.BigIntegerField()
    until = models.BigIntegerField()
    in_force = models.BooleanField()
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["feed", "kind", "in_force"], name="context_of_feed")]


class ContextLoad(Row):
    """A load of a feed: what it was, and the index that was made after it."""

    feed = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    at = models.BigIntegerField()
    index_id = models.CharField(max_length=64)
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["feed", "kind"], name="context_load_of_feed")]


class IntelligenceFeed(Row):
    """How a feed of intelligence stands; see `store.intelligence.FeedState`."""

    feed = models.CharField(max_length=64, unique=True)
    tried = models.BigIntegerField()
    succeeded = models.BigIntegerField()
    changed = models.BigIntegerField()
    newest = models.BigIntegerField()
    stored = models.BigIntegerField()
    indicators = models.BigIntegerField()
    unsupported = models.BigIntegerField()
    error = models.TextField()
    note = models.TextField()


class IntelligenceTable(Row):
    """A table of indicators that was put into force; the newest row is the one in force."""

    table_id = models.CharField(max_length=64)
    at = models.BigIntegerField()


class IntelligenceTaken(Row):
    """From offset `first` on, a partition is observed with this table."""

    partition = models.CharField(max_length=200, unique=True)
    table_id = models.CharField(max_length=64)
    first = models.BigIntegerField()


class IntelligencePending(Row):
    """A finding in stored events that core has not taken yet."""

    finding_id = models.CharField(max_length=64, unique=True)
    body = models.BinaryField()


class MatchBack(Row):
    """A search of the lake for the indicators of one segment; `finished` is 0 while it runs."""

    table_id = models.CharField(max_length=64)
    segment = models.CharField(max_length=64)
    since = models.BigIntegerField()
    created = models.BigIntegerField()
    finished = models.BigIntegerField(default=0, db_index=True)


class MatchBackFile(Row):
    """A file of the lake that a match-back has searched, and what came of it."""

    job = models.BigIntegerField()
    file = models.CharField(max_length=500)
    events = models.BigIntegerField()
    findings = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "file"], name="one_search")]


class IncidentSeen(Row):
    """That a person looked at an incident, under the id that was asked for."""

    incident_id = models.CharField(max_length=64)
    by = models.CharField(max_length=200)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    times = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident_id", "by"], name="one_onlooker")]
