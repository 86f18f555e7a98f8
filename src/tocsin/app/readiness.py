"""Readiness in force: core adds quality up, judges sources and issues what they are fit for.

INVARIANT  what a batch says of quality, the readiness that follows from it and the journal's record
           become durable together with the batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from tocsin.model.content import ContentSet
from tocsin.model.evidence import OVERRIDE, READINESS, Evidence, digest_of
from tocsin.model.quality import EMPTY
from tocsin.model.readiness import (
    Answer,
    Asked,
    Override,
    SourceReadiness,
    Use,
    guard,
    keys_from_json,
    keys_to_json,
    readiness_from_json,
    readiness_to_json,
)
from tocsin.model.sources import IdentitySpec, ProductSpec, SourceSpec
from tocsin.model.stages import run_fold
from tocsin.normalize.quality.days import DaysFold, days_from_bytes
from tocsin.normalize.quality.duplicates import with_duplicates
from tocsin.normalize.quality.fold import (
    HOURS,
    SECOND,
    QualityFold,
    hour_from_bytes,
    named,
    recent_from_bytes,
)
from tocsin.normalize.quality.judge import Learned, Memory, judge, learned, measured, unlearned
from tocsin.normalize.quality.readings import Reading
from tocsin.normalize.quality.thresholds import Thresholds, load_thresholds

ISSUER = "core"
METHOD = "quality of telemetry against thresholds and its own past"

MEMORY = "readiness"
"""The fold that remembers what was issued."""

PAST = "past-quality"
"""The fold in which quality that backfills counted waits for core, which alone judges sources."""

JUDGE_EVENTS, JUDGE_EVERY = 256, SECOND
"""A source is judged again after so many events, or so long (us) after the last time."""

LOOK_EVERY = 10 * SECOND
"""Time (us) between two looks at sources of which nothing comes."""

KEPT = 100 * 86_400 * SECOND
"""How long (us) readiness that has ended is kept."""


class Books(Protocol):
    """What is written to in the one transaction; `store.think.Think` is one."""

    def fold_states(self, fold: str, keys: Iterable[str], /) -> dict[str, bytes]:
        """The stored states of some keys of a fold."""

    def all_fold_states(self, fold: str, /) -> dict[str, bytes]:
        """The stored states of all of them."""

    def put_fold_states(self, fold: str, states: Mapping[str, bytes | None], /) -> None:
        """Store states."""

    def put_evidence(self, evidence: Evidence, /) -> None:
        """Store a claim."""

    def forget_readiness(self, subjects: Sequence[str], before: int, /) -> None:
        """Let go of readiness that ended before a time."""

    def journal(
        self, at: int, actor: str, kind: str, /, *, subject: str, body: Mapping[str, Any]
    ) -> object:
        """Add a record to the Journal."""


class Kept(msgspec.Struct):
    """What is stored of a source beside its folds."""

    memory: Memory
    issued: list[SourceReadiness] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


class Readiness:
    """Held by core. Caches states that it has itself stored; a crash loses nothing."""

    def __init__(self, stored: Mapping[str, bytes]) -> None:
        """`stored` are the states of the fold `MEMORY`."""
        self._fold, self._days = QualityFold(), DaysFold()
        self._thresholds = Thresholds()
        self._sources: dict[str, SourceSpec] = {}
        self._kept = {name: _decode(data) for name, data in stored.items()}
        self._learned: dict[str, Learned] = {}
        self._said: dict[str, list[Reading]] = {}
        """What the counts of a source said when it was last judged; gone when they change."""
        self._judged: dict[str, int] = {}
        self._since: dict[str, int] = {}
        self._looked = 0

    def work_with(self, content: ContentSet, sources: Sequence[SourceSpec]) -> None:
        """Judge by the thresholds and sources of this content; raises ContentError."""
        self._thresholds = load_thresholds(content.files)
        self._sources = {source.id: source for source in sources}
        self._learned.clear()
        self._said.clear()

    @property
    def known(self) -> dict[tuple[str, Use], SourceReadiness]:
        """What was issued last, for the guard."""
        return {
            (one.source_id, one.use): one for kept in self._kept.values() for one in kept.issued
        }

    def take(
        self,
        tx: Books,
        quality: pa.RecordBatch,
        duplicates: Mapping[str, int],
        *,
        watermark: int,
        now: int,
    ) -> None:
        """Add the quality of a batch in its transaction, and judge the sources it tells of.

        `duplicates` is how many events of each source were repeats.
        """
        if not quality.num_rows:
            return
        rows = with_duplicates(quality, duplicates)
        states = tx.fold_states(self._fold.name, rows.column("source_id").to_pylist())
        changed, hours = run_fold(self._fold, states, rows, watermark=watermark, now=now)
        tx.put_fold_states(self._fold.name, changed)
        for closed in hours:
            self._add_hours(tx, closed, watermark, now)
        for source, n in _events(rows).items():
            self._since[source] = self._since.get(source, 0) + n
            state = changed.get(source)
            self._said.pop(source, None)
            if source and state is not None and self._is_due(source, now):
                self._judge(tx, source, state, now)

    def is_due(self, now: int) -> bool:
        """Whether it is time to `let_time_pass`."""
        return now - self._looked >= LOOK_EVERY

    def let_time_pass(self, tx: Books, *, watermark: int, now: int) -> None:
        """Close hours that are over and judge every source: silence is seen by the clock."""
        self._looked = now
        changed: dict[str, bytes | None] = {}
        for source, state in tx.all_fold_states(self._fold.name).items():
            fresh, hours = self._fold.step(state, EMPTY, watermark=watermark, now=now)
            if hours.num_rows:
                changed[source] = fresh
                self._add_hours(tx, named(hours, source), watermark, now)
            if source and fresh is not None:
                self._judge(tx, source, fresh, now)
        tx.put_fold_states(self._fold.name, changed)

    def ask(
        self, asked: Sequence[Asked], use: Use, overrides: Iterable[Override], now: int
    ) -> Answer:
        """The guard, over what is in force."""
        return guard(asked, use, self.known, overrides, now)

    def _is_due(self, source: str, now: int) -> bool:
        if self._since.get(source, 0) >= JUDGE_EVENTS:
            return True
        return now - self._judged.get(source, 0) >= JUDGE_EVERY

    def _add_hours(self, tx: Books, rows: pa.RecordBatch, watermark: int, now: int) -> None:
        """Closed hours into days; what is changed and has not settled is not learned from."""
        source = rows.column("source_id")[0].as_py()
        memory = self._memory(source)
        marked = [
            {**row, "body": _encode(unlearned(memory, hour_from_bytes(row["body"]), row["hour"],
                                              self._thresholds.settle_days))}
            for row in rows.to_pylist()
        ]  # fmt: skip
        states = tx.fold_states(self._days.name, [source])
        hours = pa.RecordBatch.from_pylist(marked, schema=HOURS)
        changed, _ = run_fold(self._days, states, hours, watermark=watermark, now=now)
        tx.put_fold_states(self._days.name, changed)
        self._learned.pop(source, None)
        self._said.pop(source, None)

    def _memory(self, source: str) -> Memory:
        return self._kept[source].memory if source in self._kept else Memory()

    def _learn(self, tx: Books, source: str) -> Learned:
        if source not in self._learned:
            state = tx.fold_states(self._days.name, [source]).get(source)
            self._learned[source] = learned(days_from_bytes(state), self._thresholds)
        return self._learned[source]

    def _judge(self, tx: Books, source: str, state: bytes, now: int) -> None:
        self._judged[source], self._since[source] = now, 0
        spec = self._sources.get(source) or _unknown(source)
        before = self._kept.get(source)
        recent, known, thresholds = (
            recent_from_bytes(state),
            self._learn(tx, source),
            self._thresholds,
        )
        if source not in self._said:
            self._said[source] = measured(spec, recent, known, thresholds, now)
        issued, memory = judge(
            spec,
            recent,
            known,
            self._memory(source),
            thresholds,
            now=now,
            said=self._said[source],
        )
        kept = Kept(memory, list(before.issued) if before else [])
        fresh = [one for one in issued if _is_news(one, kept.issued, now)]
        if not fresh and before is not None and memory == before.memory:
            return
        gone = {one.use for one in fresh}
        kept.issued = [one for one in kept.issued if one.use not in gone] + fresh
        for one in fresh:
            self._issue(tx, one)
        tx.put_fold_states(MEMORY, {source: _encode(kept)})
        self._kept[source] = kept

    def _issue(self, tx: Books, one: SourceReadiness) -> None:
        evidence = evidence_of(one)
        tx.put_evidence(evidence)
        tx.forget_readiness([evidence.subject], one.issued - KEPT)
        body = {
            "fit": one.is_fit,
            "gaps": [f"{gap.measure}: {gap.cause} ({gap.scope.text})" for gap in one.gaps],
            "digest": evidence.digest,
        }
        tx.journal(one.issued, ISSUER, READINESS, subject=evidence.subject, body=body)


def _events(rows: pa.RecordBatch) -> dict[str, int]:
    counts: dict[str, int] = {}
    pairs = zip(
        rows.column("source_id").to_pylist(), rows.column("events").to_pylist(), strict=True
    )
    for source, n in pairs:
        counts[source] = counts.get(source, 0) + n
    return counts


def _is_news(one: SourceReadiness, issued: Iterable[SourceReadiness], now: int) -> bool:
    """Whether it differs from what is in force, or that has lived half its life."""
    last = next((old for old in issued if old.use is one.use), None)
    if last is None or now >= (last.issued + last.expires) // 2:
        return True
    return {gap.key for gap in last.gaps} != {gap.key for gap in one.gaps}


def _unknown(source: str) -> SourceSpec:
    """A source that delivered under content that is not in force any more."""
    return SourceSpec(source, source, ProductSpec(source, ""), (), (), IdentitySpec())


def evidence_of(one: SourceReadiness) -> Evidence:
    """A readiness as a dated claim about `source:use`."""
    claims: dict[str, msgspec.Raw | str | int | float | bool] = {
        "fit": one.is_fit,
        "gaps": len(one.gaps),
        "readiness": readiness_to_json(one).decode(),
    }
    subject = f"{one.source_id}:{one.use.value}"
    digest = digest_of(READINESS, subject, claims, one.issued)
    return Evidence(READINESS, subject, claims, METHOD, one.issued, one.expires, ISSUER, digest)


def readiness_of(evidence: Iterable[Evidence], now: int) -> dict[tuple[str, Use], SourceReadiness]:
    """What valid evidence says, for the guard; what was altered or cannot be read is left out."""
    known = {}
    for one in evidence:
        if not one.valid_at(now):
            continue
        if one.digest != digest_of(one.kind, one.subject, one.claims, one.issued):
            continue
        found = readiness_from_json(str(one.claims.get("readiness", "")).encode())
        if found is not None and one.subject == f"{found.source_id}:{found.use.value}":
            known[found.source_id, found.use] = found
    return known


def override_evidence(override: Override) -> Evidence:
    """A person's override as a dated claim."""
    claims: dict[str, msgspec.Raw | str | int | float | bool] = {
        "person": override.person,
        "reason": override.reason,
        "until": override.until,
        "covers": keys_to_json(override.covers).decode(),
    }
    subject = f"{override.source_id}:{override.use.value}"
    digest = digest_of(OVERRIDE, subject, claims, override.made)
    return Evidence(
        OVERRIDE, subject, claims, "a person's word", override.made, override.until,
        override.person, digest,
    )  # fmt: skip


def overrides_of(evidence: Iterable[Evidence]) -> list[Override]:
    """Overrides that were not revoked and are what was signed for."""
    found = []
    for one in evidence:
        source, _, use = one.subject.rpartition(":")
        if one.revoked is not None or use not in {*Use}:
            continue
        if one.digest != digest_of(one.kind, one.subject, one.claims, one.issued):
            continue
        # The digest binds the claims alone: who and until when must be what they say.
        if (one.claims.get("person"), one.claims.get("until")) != (one.issuer, one.expires):
            continue
        reason = str(one.claims.get("reason", ""))
        covers = keys_from_json(str(one.claims.get("covers", "")).encode())
        found.append(
            Override(source, Use(use), one.issuer, reason, one.issued, one.expires, covers)
        )
    return found
