"""A record of the Journal: who or what did what, chained by hash.

Version 0. The digest of a record covers its sequence number, the digest before it, time, actor,
kind, subject and body, each length-prefixed: no field can take over bytes of its neighbour.
"""

from hashlib import sha256

import msgspec

GENESIS = "0" * 64


class JournalRecord(msgspec.Struct, frozen=True):
    """One link of the chain. `at` is microseconds UTC, `body` canonical JSON (sorted keys)."""

    sequence: int
    previous: str
    at: int
    actor: str
    kind: str
    subject: str
    body: str
    digest: str


def chain(previous: str, sequence: int, entry: tuple[int, str, str, str, str]) -> JournalRecord:
    """The next record. `entry` is (at, actor, kind, subject, body)."""
    at, actor, kind, subject, body = entry
    digest = sha256(b"tocsin-journal-0")
    for part in (str(sequence), previous, str(at), actor, kind, subject, body):
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return JournalRecord(sequence, previous, at, actor, kind, subject, body, digest.hexdigest())


def first_break(records: list[JournalRecord], previous: str, sequence: int) -> int | None:
    """Sequence of the first record that does not follow, or None when all do.

    `previous` and `sequence` are the digest and number that the first of `records` must follow.
    """
    for record in records:
        sequence += 1
        entry = (record.at, record.actor, record.kind, record.subject, record.body)
        if record != chain(previous, sequence, entry):
            return sequence
        previous = record.digest
    return None
