"""Everything that a page shows of a hunt, gathered, in words, and bounded.

Each bound that was reached is told on the page: what is left out is in the JSON (`--json`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.app.attacking import release_title
from tocsin.app.hunt import Report
from tocsin.app.report import words
from tocsin.app.report.cards import IncidentView, Members, cards
from tocsin.app.report.chart import Chart, draw
from tocsin.app.report.inputs import InputView
from tocsin.app.report.matrix import Column, LabelView, columns, label_view
from tocsin.enrich.attack import Labels
from tocsin.model.findings import Finding, Level, Standing
from tocsin.model.incidents import Incident
from tocsin.model.rules import RuleState

MAX_LISTED = 300
"""Incidents in the overview."""
MAX_FINDINGS = 300
MAX_RULES = 300
MAX_REASONS = 12
MAX_REFUSED = 40

LEVELS = tuple(level.value for level in reversed(Level))


@dataclass(frozen=True, slots=True)
class About:
    """What a page says about itself. `generated_at` is microseconds UTC."""

    generated_at: int
    version: str
    labels: Labels
    settings: tuple[tuple[str, str], ...] = ()
    inputs: tuple[InputView, ...] = ()
    inputs_left: int = 0


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many of a level."""

    level: str
    total: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and what stands beside it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that this hunt could not judge, or that it knows only in part."""

    state: str
    title: str
    detail: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Line:
    """A finding in the table."""

    time: str
    iso: str
    level: str
    title: str
    host: str
    user: str
    value: str
    labels: tuple[LabelView, ...]
    standing: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule that fired."""

    rule_id: str
    title: str
    level: str
    total: str
    hosts: str
    first: str
    last: str
    labels: tuple[LabelView, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was not used, and how often."""

    total: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source and its events by class."""

    name: str
    total: str
    classes: str


@dataclass(frozen=True, slots=True)
class Page:
    """One report. Lists are bounded; a name with `_left` says how much is not in it."""

    title: str
    lead: str
    generated: str
    generated_iso: str
    version: str
    release: str
    levels: tuple[LevelCount, ...]
    figures: tuple[Figure, ...]
    limits: tuple[Limit, ...]
    incident_total: str
    incidents: tuple[IncidentView, ...]
    listed: tuple[IncidentView, ...]
    listed_left: int
    chart: Chart | None
    columns: tuple[Column, ...]
    labels: tuple[LabelView, ...]
    label_counts: str
    finding_levels: tuple[LevelCount, ...]
    findings: tuple[Line, ...]
    findings_left: int
    rules: tuple[RuleLine, ...]
    rules_left: int
    rule_states: tuple[tuple[str, str], ...]
    rule_reasons: tuple[Reason, ...]
    refused: tuple[Reason, ...]
    refused_left: int
    sources: tuple[SourceLine, ...]
    settings: tuple[tuple[str, str], ...]
    inputs: tuple[InputView, ...]
    inputs_left: int
    seconds: str
    read: str


def view_of(report: Report, about: About) -> Page:
    """The page of one hunt."""
    judge, members = about.labels, Members(report)
    told, overview = cards(report, judge)
    names = dict.fromkeys(name for f in report.findings for name in (*f.tactics, *f.techniques))
    label_views = [judge.judge(name) for name in names]
    ranked = sorted(report.findings, key=lambda f: (-f.level.rank, f.time, f.finding_id))
    rules = _rules(report.findings, judge, members)
    refused = report.unrecognized[:MAX_REFUSED]
    return Page(
        title=_title(report.incidents, _events(report)),
        lead=_lead(report),
        generated=f"{words.day(about.generated_at)}, {words.clock(about.generated_at)} UTC",
        generated_iso=words.iso(about.generated_at),
        version=about.version,
        release=release_title(judge.release) if judge.release else "",
        levels=_levels(report.incidents),
        figures=_figures(report, members),
        limits=tuple(_limits(report, judge)),
        incident_total=f"{len(report.incidents):,}",
        incidents=tuple(told),
        listed=tuple(overview[:MAX_LISTED]),
        listed_left=max(0, len(report.incidents) - MAX_LISTED),
        chart=draw(report.findings, members.host),
        columns=tuple(columns(report.findings, judge)),
        labels=tuple(view for one in label_views if (view := label_view(one)).state),
        label_counts=_counted(one.state.value for one in label_views),
        finding_levels=_levels(ranked[:MAX_FINDINGS]),
        findings=tuple(_line(finding, judge, members) for finding in ranked[:MAX_FINDINGS]),
        findings_left=max(0, len(ranked) - MAX_FINDINGS),
        rules=tuple(rules[:MAX_RULES]),
        rules_left=max(0, len(rules) - MAX_RULES),
        rule_states=_rule_states(report),
        rule_reasons=tuple(_rule_reasons(report)),
        refused=tuple(
            Reason(
                f"{one.count:,}",
                words.text(one.reason, 60),
                words.text(f"{one.detail} (for example {one.example})", 600),
            )
            for one in refused
        ),
        refused_left=len(report.unrecognized) - len(refused),
        sources=_sources(report),
        settings=tuple((name, words.text(value, 600)) for name, value in about.settings),
        inputs=about.inputs,
        inputs_left=about.inputs_left,
        seconds=f"{report.seconds:.1f} s",
        read=words.size(report.bytes_read),
    )


def _events(report: Report) -> int:
    return sum(sum(classes.values()) for classes in report.events.values())


def _title(incidents: Sequence[Incident], events: int) -> str:
    """The answer in one line."""
    if not incidents:
        return f"No incident in {words.plural(events, 'event')}"
    worst = max((one.level for one in incidents), key=lambda level: level.rank)
    first = sum(1 for one in incidents if one.level is worst)
    others = len(incidents) - first
    noun = "incident" if first == 1 else "incidents"
    more = f" and {others:,} of lower level" if others else ""
    return f"{first:,} {worst.value} {noun}{more}"


def _lead(report: Report) -> str:
    events, sources = _events(report), len(report.events)
    told = f"{words.plural(events, 'event')} of {words.plural(sources, 'source')} were read"
    if not report.findings:
        return f"{told}. No active rule spoke. That is not proof that nothing happened."
    times = [finding.time for finding in report.findings]
    found = f"{words.plural(len(report.findings), 'finding')} of {_rule_count(report)}"
    return f"{told}. {found}, {words.between(min(times), max(times))} UTC."


def _rule_count(report: Report) -> str:
    return words.plural(len({finding.rule_id for finding in report.findings}), "rule")


def _levels(things: Iterable[Incident | Finding]) -> tuple[LevelCount, ...]:
    counts = Counter(thing.level for thing in things)
    return tuple(LevelCount(level.value, f"{counts[level]:,}") for level in reversed(Level))


def _figures(report: Report, members: Members) -> tuple[Figure, ...]:
    open_ones = sum(1 for finding in report.findings if finding.standing is Standing.OPEN)
    aside = len(report.findings) - open_ones
    techniques = {name for finding in report.findings for name in finding.techniques}
    return (
        Figure(
            "Findings",
            f"{len(report.findings):,}",
            f"{aside:,} set aside by exceptions and trials" if aside else _rule_count(report),
        ),
        Figure(
            "Hosts in findings",
            f"{len(members.hosts):,}",
            words.plural(len(members.users), "user"),
        ),
        Figure("Techniques", f"{len(techniques):,}", "named by rules that fired"),
        Figure("Events read", f"{_events(report):,}", words.size(report.bytes_read)),
    )


def _limits(report: Report, labels: Labels) -> Iterable[Limit]:
    """What a reader must know before trusting a silence."""
    refused = sum(one.count for one in report.unrecognized)
    if refused:
        why = words.listed((words.text(one.reason, 40) for one in report.unrecognized), 4)
        title = f"{refused:,} records or files were not used"
        yield Limit("bad", title, f"Nothing is known of them: {why}.", "refused")
    states = Counter(status.state for status in report.rules)
    idle = states[RuleState.INACTIVE]
    if idle:
        detail = "They need logs or fields that no source here delivers."
        share = f"{idle:,} of {len(report.rules):,} rules could not fire"
        yield Limit("aging", share, detail, "rules-state")
    if unsupported := states[RuleState.UNSUPPORTED]:
        detail = "They use something that Tocsin does not run."
        yield Limit("bad", f"{unsupported:,} rules are not supported", detail, "rules-state")
    aside = Counter(f.standing.value for f in report.findings if f.standing is not Standing.OPEN)
    if aside:
        detail = "They are listed and counted, and no incident has them: " + _counts(aside) + "."
        yield Limit("aging", f"{aside.total():,} findings were set aside", detail, "findings")
    if labels.release is None:
        detail = (
            "Load MITRE's bundle (tocsin attack load): then names appear and labels are judged."
        )
        yield Limit("missing", "ATT&CK labels were not checked", detail, "attack")
    if not report.events:
        yield Limit("bad", "No event was read", "No source knew any record.", "refused")


def _counted(words_: Iterable[str]) -> str:
    return _counts(Counter(words_))


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.most_common())


def _line(finding: Finding, labels: Labels, members: Members) -> Line:
    match = max(finding.matched[:20], key=lambda one: len(one.value), default=None)
    value = (
        f"{match.field}: {match.value}" if match and match.field else match.value if match else ""
    )
    return Line(
        words.stamp(finding.time),
        words.iso(finding.time),
        finding.level.value,
        words.text(finding.title),
        words.text(members.host(finding), 60),
        words.text(members.user(finding), 60),
        words.text(value, 160),
        tuple(label_view(labels.judge(one)) for one in finding.techniques[:6]),
        "" if finding.standing is Standing.OPEN else finding.standing.value,
    )


def _rules(findings: Iterable[Finding], labels: Labels, members: Members) -> list[RuleLine]:
    """Rules that fired, the worst and commonest first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule_id, finding.rule_digest), []).append(finding)
    ranked = sorted(
        groups.values(), key=lambda g: (-g[0].level.rank, -len(g), g[0].title, g[0].rule_id)
    )
    return [
        RuleLine(
            words.text(group[0].rule_id, 60),
            words.text(group[0].title),
            max((f.level for f in group), key=lambda level: level.rank).value,
            f"{len(group):,}",
            f"{len({members.host(finding) for finding in group}):,}",
            words.stamp(min(finding.time for finding in group)),
            words.stamp(max(finding.time for finding in group)),
            tuple(label_view(labels.judge(one)) for one in group[0].techniques[:12]),
        )
        for group in ranked
    ]


def _rule_states(report: Report) -> tuple[tuple[str, str], ...]:
    states = Counter(status.state for status in report.rules)
    fired = len({finding.rule_id for finding in report.findings})
    rows = [(state.value.capitalize(), f"{states[state]:,}") for state in RuleState]
    return (("Fired", f"{fired:,}"), *rows)


def _rule_reasons(report: Report) -> Iterable[Reason]:
    """The commonest reasons for which rules cannot fire."""
    reasons = Counter((s.state.value, s.reason) for s in report.rules if s.reason)
    for (state, reason), total in reasons.most_common(MAX_REASONS):
        yield Reason(f"{total:,}", state, words.text(reason, 200))
    rest = sum(reasons.values()) - sum(n for _, n in reasons.most_common(MAX_REASONS))
    if rest:
        yield Reason(f"{rest:,}", "", f"{len(reasons) - MAX_REASONS:,} other reasons")


def _sources(report: Report) -> tuple[SourceLine, ...]:
    ranked = sorted(report.events.items(), key=lambda item: -sum(item[1].values()))
    return tuple(
        SourceLine(
            words.text(name, 80),
            f"{sum(classes.values()):,}",
            words.text(", ".join(f"{c} {n:,}" for c, n in Counter(classes).most_common(20)), 900),
        )
        for name, classes in ranked
    )
