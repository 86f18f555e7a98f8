"""How often `tocsin source new` names the path that a person chose: every shipped source in turn.

Each is proposed from its own samples as if nobody knew it: once without itself, once without any
source of its vendor. A proposal is right when the field goes there in some class of the shipped
mapping. Prints a table in Markdown; takes about 20 s of one core:
`python -m bench.propose_source`.
"""

from collections import Counter

from tocsin.content import load
from tocsin.model.content import ContentSet
from tocsin.normalize import Normalizer, compile_sources
from tocsin.normalize.folders import source_files
from tocsin.normalize.propose import THRESHOLD, Knowledge, learn, statistics
from tocsin.normalize.propose.knowledge import sample_records
from tocsin.normalize.propose.suggest import candidates, uses_of

HEADS = (
    "without", "mapped fields", "first proposal right", "among the first three", "in force",
    "of these right", "unmapped fields in force",
)  # fmt: skip


def fields_of(
    content: ContentSet, source_id: str, normalizer: Normalizer
) -> list[dict[str, object]]:
    """Native fields of the samples of a source."""
    raws = sample_records(source_files(content)[source_id])
    decoded = [normalizer.decode(raw, None) for raw in raws]
    return [getattr(one, "fields", {}) for one in decoded if hasattr(one, "fields")]


def measure(
    knowledge: Knowledge, records: list[dict[str, object]], source_id: str, without: frozenset[str]
) -> Counter[str]:
    """Counts of one source."""
    right = uses_of(knowledge, source_id)
    unused = {one.name for one in knowledge.fields if one.source_id == source_id and not one.uses}
    counts: Counter[str] = Counter()
    for field in statistics(records):
        found = candidates(field, knowledge, frozenset(), without)
        sure = bool(found) and found[0].score >= THRESHOLD
        if field.name in right:
            hit = bool(found) and found[0].path in right[field.name]
            counts["mapped"] += 1
            counts["first"] += hit
            counts["named"] += any(one.path in right[field.name] for one in found)
            counts["sure"] += sure
            counts["sure and right"] += sure and hit
        elif field.name in unused:
            counts["unmapped"] += 1
            counts["sure of nothing"] += sure
    return counts


def main() -> None:
    """Print the figures."""
    content = load(None)
    normalizer, problems = compile_sources(content)
    if normalizer is None:
        raise SystemExit(str(problems[0]))
    knowledge = learn(content, normalizer)
    print(f"| {' | '.join(HEADS)} |")
    print("|---" * len(HEADS) + "|")
    for what in ("itself", "its vendor"):
        total: Counter[str] = Counter()
        for source_id in sorted(source_files(content)):
            alone = frozenset({source_id})
            without = alone if what == "itself" else knowledge.vendors(source_id) | alone
            records = fields_of(content, source_id, normalizer)
            total += measure(knowledge, records, source_id, without)
        mapped, sure = total["mapped"], total["sure"]
        print(
            f"| {what} | {mapped:,} | {total['first'] / mapped:.1%} "
            f"| {total['named'] / mapped:.1%} | {sure / mapped:.1%} "
            f"| {total['sure and right'] / sure:.1%}"
            f" | {total['sure of nothing']:,} of {total['unmapped']:,} |"
        )


if __name__ == "__main__":
    main()
