"""A proposal as the two files of a source: what is sure as lines, what is not as comments."""

from collections.abc import Mapping
from typing import NamedTuple

from tocsin.model.text import visible
from tocsin.normalize.ocsf.schema import Attribute, ocsf_schema
from tocsin.normalize.propose.knowledge import Knowledge, has_path
from tocsin.normalize.propose.source import IDENTITY_THRESHOLD, Event, FieldLine, Proposal, is_sure
from tocsin.normalize.propose.suggest import BASE, THRESHOLD, Candidate, Table, table_for
from tocsin.normalize.propose.values import TIMES

Refused = Mapping[str, str]
"""Key of a line that the compiler does not take -> why."""

_SHOWN = 90


class Written(NamedTuple):
    """A file, and which line of it (from 1) is which part of the proposal."""

    text: str
    keys: dict[int, str]


class _Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.keys: dict[int, str] = {}

    def add(self, text: str, key: str = "") -> None:
        self.lines.append(text)
        if key:
            self.keys[len(self.lines)] = key

    def note(self, text: str, indent: int) -> None:
        self.lines.append(f"{' ' * indent}# {visible(text, 400)}")

    def written(self) -> Written:
        return Written("\n".join(self.lines) + "\n", self.keys)


def quoted(text: str) -> str:
    """A text as a line of YAML holds it, whatever is in it."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    return one if " " <= one <= "~" else f"\\U{ord(one):08X}"


def source_file(proposal: Proposal) -> Written:
    """`source.yaml`."""
    out = _Lines()
    out.add(f"# Proposed from {proposal.samples} samples. Read every line before you trust it;")
    out.add("# numbers are scores from 0 to 1, and what is below the threshold is a comment.")
    out.add(f"id: {proposal.source_id}")
    out.add(f"title: {quoted(proposal.source_id)}  # what a person reads")
    name = next(iter(proposal.constants.values()), proposal.source_id)
    out.add(f"product: {{name: {quoted(name)}, vendor: {quoted('unknown')}}}  # who makes it?")
    out.add("transports: [file, folder]")
    _identity(out, proposal)
    out.add("shapes:")
    out.add("  record:")
    _shape(out, proposal)
    return out.written()


def _identity(out: _Lines, proposal: Proposal) -> None:
    sure = [one for one in proposal.identities if one.score >= IDENTITY_THRESHOLD]
    rest = proposal.identities[1:] if sure else proposal.identities
    for one in rest:
        out.note(f"identity may be {quoted(one.field)} ({one.score:.2f}: {one.reason})", 0)
    if not sure:
        out.note("no field is surely different in each record: its place makes a record itself", 0)
    fields = f"[{quoted(sure[0].field)}]" if sure else "[]"
    out.add(f"identity: {{fields: {fields}, otherwise: position}}")


def _shape(out: _Lines, proposal: Proposal) -> None:
    reading = proposal.reading
    out.add(f"    reader: {reading.reader}")
    has = ", ".join(quoted(name) for name in proposal.keys)
    out.add(f"    has: [{has}]")
    if proposal.constants:
        out.add("    where:")
        for name, value in proposal.constants.items():
            out.add(f"      {quoted(name)}: [{quoted(value)}]")
    out.add("    time:")
    sure = [one for one in proposal.times if one.score >= THRESHOLD]
    for time in sure:
        form = "" if time.form == "iso" else f", format: {time.form}"
        out.add(f"      - {{field: {quoted(time.field)}{form}}}  # {time.score:.2f}")
    for time in proposal.times:
        if time not in sure:
            out.note(
                f"- {{field: {quoted(time.field)}, format: {time.form}}} ({time.score:.2f})", 6
            )
    if not sure:
        out.note("no field is surely a time: records have the time at which they are received", 6)
        out.add('      - {field: "(none)"}')
    if reading.columns:
        out.add("    patterns:")
        out.add("      field: message")
        out.add("      into: row")
        out.add("      required: true")
        out.add(f"      expressions: {{row: {quoted(row_expression(proposal))}}}")


def row_expression(proposal: Proposal) -> str:
    """The expression of a row of columns; the header, whose time is no time, is not of it."""
    mark = f"[^{_class(proposal.reading.delimiter)}]*"
    dated = {one.field for one in proposal.times if one.form in TIMES}
    parts = []
    for column in proposal.reading.columns:
        inside = rf'"?\d{mark}' if column in dated else rf'"[^"]*"|{mark}'
        parts.append(f"(?P<{column}>{inside})")
    return "^" + _escaped(proposal.reading.delimiter).join(parts) + "$"


def _class(delimiter: str) -> str:
    return r"\t" if delimiter == "\t" else delimiter


def _escaped(delimiter: str) -> str:
    return r"\|" if delimiter == "|" else _class(delimiter)


class _Placed(NamedTuple):
    """A field's line in one part: the key by which it is named when it is refused."""

    key: str
    line: FieldLine
    chosen: Candidate | None


def mapping_file(
    proposal: Proposal, knowledge: Knowledge, without: frozenset[str], refused: Refused
) -> Written:
    """`mapping.yaml`; what is `refused` is a comment with the reason."""
    out = _Lines()
    out.add(f"# Proposed from {proposal.samples} samples: scores from 0 to 1, and why. Lines from")
    out.add(f"# {THRESHOLD} on are in force; the others are comments until you decide.")
    out.add(f"source: {proposal.source_id}")
    for one in proposal.selects:
        out.note(f"select: {quoted(one.field)} {one.score:.2f} ({one.reason})", 0)
    out.add(f"select: {quoted(proposal.select)}")
    parts = {name: _placed(proposal, name, refused) for name in (BASE, *proposal.classes)}
    tables = _tables(parts, knowledge, without)
    if tables:
        out.add("tables:")
    for name, table in tables.items():
        _table(out, name, table)
    out.add("every:")
    out.add("  set:")
    out.add("    severity_id: Unknown")
    _unknown(out, BASE, parts[BASE], 4)
    _map(out, parts[BASE], tables, 2)
    if proposal.classes:
        out.add("parts:")
    for name in proposal.classes:
        out.add(f"  {name}:")
        if _needed(name, parts[name]):
            out.add("    set:")
            _unknown(out, name, parts[name], 6)
        _map(out, parts[name], tables, 4)
        if not any(one.chosen for one in parts[name]):
            out.add("    map: {}")
    _unplaced(out, proposal, parts, refused)
    out.add("events:" if any(_in_force(one, refused) for one in proposal.events) else "events: []")
    for event in proposal.events:
        _event(out, proposal, event, refused, parts)
    out.add("default:")
    out.add("  class: base_event")
    return out.written()


def _placed(proposal: Proposal, class_name: str, refused: Refused) -> list[_Placed]:
    """The lines of a part: of two fields for one path the surer one is taken."""
    taken: set[str] = set()
    found = []
    lines = sorted(
        (line for line in proposal.parts[class_name] if line.candidates),
        key=lambda line: -line.candidates[0].score,
    )
    for line in lines:
        first = next((one for one in line.candidates if _belongs(one.path, class_name)), None)
        if first is None:
            continue
        key = f"{class_name}:{line.field.name}"
        free = first.path not in taken and not any(
            first.path.startswith(f"{path}.") or path.startswith(f"{first.path}.") for path in taken
        )
        sure = first.score >= THRESHOLD and key not in refused and free
        if sure:
            taken.add(first.path)
        found.append(_Placed(key, line, first if sure else None))
    return found


def _belongs(path: str, class_name: str) -> bool:
    """Whether a path is said in a class's own part: what every class has is said once."""
    common = has_path(BASE, path)
    return common if class_name == BASE else has_path(class_name, path) and not common


def _tables(
    parts: Mapping[str, list[_Placed]], knowledge: Knowledge, without: frozenset[str]
) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for class_name, placed in parts.items():
        for one in placed:
            if one.chosen is not None:
                attribute = attribute_at(class_name, one.chosen.path)
                if attribute is not None and attribute.enum and attribute.type != "string_t":
                    name = table_name(one.chosen.path)
                    table = table_for(
                        one.line.field, one.chosen.path, attribute, knowledge, without
                    )
                    if "99" in attribute.enum:
                        table.rows["else"] = attribute.enum["99"]
                    found.setdefault(name, table)
    return found


def attribute_at(class_name: str, path: str) -> Attribute | None:
    """What OCSF says of a path in a class."""
    return ocsf_schema().attribute(class_name, tuple(path.split(".")))


def table_name(path: str) -> str:
    """The name of the table for a path."""
    return path.replace(".", "_")


def _table(out: _Lines, name: str, table: Table) -> None:
    out.add(f"  {name}:")
    for value, caption in table.rows.items():
        out.add(f"    {quoted(value)}: {quoted(caption)}")
    for value in table.unknown[:20]:
        out.note(f"{quoted(value)}: ?", 4)


def _map(out: _Lines, placed: list[_Placed], tables: Mapping[str, Table], indent: int) -> None:
    pad = " " * indent
    if any(one.chosen for one in placed):
        out.add(f"{pad}map:")
    for one in placed:
        if one.chosen is None:
            continue
        name = table_name(one.chosen.path)
        more = f", as: {one.chosen.convert}" if one.chosen.convert else ""
        more += f", table: {name}" if name in tables else ""
        if one.chosen.path in ("activity_id", "severity_id"):
            more += ", default: Unknown"
        value = f"{{from: {quoted(one.line.field.name)}{more}}}"
        why = visible(one.chosen.reason, _SHOWN)
        out.add(f"{pad}  {one.chosen.path}: {value}  # {one.chosen.score:.2f} {why}", one.key)


def _needed(class_name: str, placed: list[_Placed]) -> list[str]:
    """Enumerations that the objects of these lines must have, and no line gives."""
    chosen = {one.chosen.path for one in placed if one.chosen is not None}
    found: dict[str, None] = {}
    for path in sorted(chosen):
        steps = path.split(".")
        for depth in range(1, len(steps)):
            prefix = ".".join(steps[:depth])
            attribute = attribute_at(class_name, prefix)
            node = ocsf_schema().objects.get(attribute.object_name) if attribute else None
            if attribute is None or node is None or attribute.is_array:
                continue
            for name, about in node.attributes.items():
                if about.requirement == "required" and not about.profile and "0" in about.enum:
                    found[f"{prefix}.{name}"] = None
    return [path for path in found if path not in chosen]


def _unknown(out: _Lines, class_name: str, placed: list[_Placed], indent: int) -> None:
    """OCSF requires these of the objects that are mapped; nothing is known of them."""
    for path in _needed(class_name, placed):
        out.add(f"{' ' * indent}{path}: Unknown")


def _unplaced(
    out: _Lines, proposal: Proposal, parts: Mapping[str, list[_Placed]], refused: Refused
) -> None:
    """Fields below the threshold, with their alternatives; they stay in `unmapped`."""
    out.note("Not mapped, so in `unmapped`; alternatives with their scores:", 0)
    used = {one.line.field.name for placed in parts.values() for one in placed if one.chosen}
    for line in proposal.fields:
        shown = ", ".join(f"{one.path} {one.score:.2f}" for one in line.candidates)
        if line.field.name not in used:
            why = f" ({visible(line.candidates[0].reason, _SHOWN)})" if line.candidates else ""
            out.note(f"  {quoted(line.field.name)} ({line.field.kind}): {shown or '?'}{why}", 0)
        elif len(line.candidates) > 1:
            out.note(f"  {quoted(line.field.name)}, mapped; elsewhere it is {shown}", 0)
    for key, why in refused.items():
        if not key.startswith("event:"):
            out.note(f"  {quoted(key.partition(':')[2])} in {key.partition(':')[0]}: {why}", 0)


def _in_force(event: Event, refused: Refused) -> bool:
    return is_sure(event) and f"event:{event.value}" not in refused


def _event(
    out: _Lines,
    proposal: Proposal,
    event: Event,
    refused: Refused,
    parts: Mapping[str, list[_Placed]],
) -> None:
    key = f"event:{event.value}"
    named = ", ".join(
        f"{'/'.join(filter(None, one[:2]))} {one.score:.2f} ({one.reason})" for one in event.kinds
    )
    out.note(f"{quoted(event.value)}, {event.samples} samples: {named or 'no class is like it'}", 2)
    if key in refused:
        out.note(f"left to the default: {refused[key]}", 2)
    if not _in_force(event, refused):
        return
    first = event.kinds[0]
    out.add(f"  - when: {{{quoted(proposal.select)}: {quoted(event.value)}}}", key)
    out.add(f"    class: {first.class_name}", key)
    about = ocsf_schema().classes[first.class_name].attributes["activity_id"]
    chosen = (one.chosen for one in (*parts[BASE], *parts[first.class_name]))
    mapped = any(one is not None and one.path == "activity_id" for one in chosen)
    known = first.activity.lower() in {caption.lower() for caption in about.enum.values()}
    if known and not mapped:
        out.add(f"    activity: {quoted(first.activity)}", key)
    out.add(f"    use: {first.class_name}", key)


__all__ = ["Refused", "Written", "mapping_file", "source_file"]
