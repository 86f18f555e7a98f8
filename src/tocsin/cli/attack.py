"""`tocsin attack`: the ATT&CK releases here, and how labels stand."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import App, Parameter

from tocsin.app import attacking
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.overview import plain
from tocsin.cli.arguments import Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc
from tocsin.model.attack import Counts, Label, LabelState

DAY = 86_400_000_000
SHOWN_PROBLEMS = 10
COLUMNS = ("in use", "release", "id", "newest change", "age")
COUNTED = ("tactics", "techniques", "sub-techniques", "revoked", "deprecated")

attack = App(name="attack", help="Load and show ATT&CK, and tell how labels stand towards it.")


@attack.default
def show(*, site: Path | None = None, json: Json = False) -> int:
    """Show the ATT&CK releases that are loaded.

    Parameters
    ----------
    site
        Site folder; without it the one found here, or this account's releases.
    json
        Print JSON.
    """
    shelf = attacking.shelf(sites.open_site(site))
    current, stored = shelf.current(), shelf.all()
    used = current.release_id if current else ""
    if json:
        _print_json([_release(one, used) for one in stored])
        return 0
    screen = Screen()
    if not stored:
        screen.line("no ATT&CK release is loaded: labels are not checked")
        screen.line("`tocsin attack load enterprise-attack.json` loads MITRE's STIX bundle")
        return 0
    now = SystemClock().now()
    screen.table(
        [*COLUMNS, *COUNTED, "loaded", "from"],
        [_row(one, used, now) for one in stored],
        right=frozenset(COUNTED),
    )
    return 0


@attack.command
def load(file: Path, *, site: Path | None = None) -> int:
    """Load a release from its STIX bundle (JSON, plain or packed) and use it.

    Parameters
    ----------
    file
        The enterprise bundle, as MITRE publishes it.
    site
        Site folder; without it the one found here, or this account's releases.
    """
    screen = Screen()
    stored, problems = attacking.load_bundle(sites.open_site(site), file)
    for problem in problems[:SHOWN_PROBLEMS]:
        screen.line(str(problem))
    if len(problems) > SHOWN_PROBLEMS:
        screen.line(f"... and {len(problems) - SHOWN_PROBLEMS} more objects left out")
    counts = Counts.of(stored.release)
    screen.line(
        f"{title(stored)} is in use: {counts.tactics} tactics, {counts.techniques} techniques, "
        f"{counts.sub_techniques} sub-techniques; {counts.revoked} revoked, "
        f"{counts.deprecated} deprecated ({stored.release_id})"
    )
    return 0


@attack.command
def use(release: str, *, site: Path | None = None) -> int:
    """Use another release that was loaded before.

    Parameters
    ----------
    release
        Its id or version, as `tocsin attack` shows it; a beginning of the id will do.
    site
        Site folder; without it the one found here, or this account's releases.
    """
    where = sites.open_site(site)
    stored = attacking.pick(where, release)
    attacking.shelf(where).use(stored.release_id)
    Screen().line(f"{title(stored)} is in use ({stored.release_id})")
    return 0


@attack.command
def label(*labels: str, site: Path | None = None, json: Json = False) -> int:
    """Tell how labels stand: a technique's id or a tactic's short name.

    Parameters
    ----------
    labels
        For example T1003.001 or credential-access.
    site
        Site folder; without it the one found here, or this account's releases.
    json
        Print JSON.
    """
    judged = attacking.labels_of(sites.open_site(site)).all(labels)
    if json:
        _print_json(plain(judged))
        return 0
    rows = [[one.text, one.state.value, one.name, one.note] for one in judged]
    Screen().table(["label", "state", "name", "note"], rows)
    return 1 if any(one.faulty for one in judged) else 0


@attack.command
def rules(
    *,
    site: Path | None = None,
    rules: Path | None = None,  # the option is named like the command
    state: Annotated[LabelState | None, Parameter(name="--state")] = None,
    json: Json = False,
) -> int:
    """List rules whose labels are not current, and count all labels by state.

    Parameters
    ----------
    site
        Site folder; without it the one found here, or this account's releases.
    rules
        Folder or archive of rules to look at instead.
    state
        Only rules with a label in this state.
    json
        Print JSON.
    """
    where = sites.open_site(site)
    judge = attacking.labels_of(where)
    found = attacking.labelled_rules(where, rules, judge)
    shown = [one for one in found if _wanted(one, state)]
    if json:
        _print_json(plain(shown))
        return 0
    screen = Screen()
    screen.table(
        ["rule", "title", "labels that are not current"],
        [[one.rule_id[:8], one.title, _notable(one.labels, state)] for one in shown],
    )
    labels = Counter(one.state.value for rule in found for one in rule.labels)
    counted = ", ".join(f"{n:,} {name}" for name, n in sorted(labels.items())) or "none"
    by_worst = Counter(rule.worst.value for rule in found)
    told = ", ".join(f"{n:,} {name}" for name, n in sorted(by_worst.items())) or "none"
    screen.line(f"labels: {counted}")
    screen.line(f"{plural(len(found), 'rule')} with labels, each by its worst: {told}")
    return 0


def title(stored: attacking.Stored) -> str:
    """`ATT&CK 18.1`, or by its newest change where the bundle says no version."""
    return attacking.release_title(stored.release)


def _row(one: attacking.Stored, used: str, now: int) -> list[str]:
    counts = Counts.of(one.release)
    return [
        "yes" if one.release_id == used else "",
        one.release.version or "not stated",
        one.release_id,
        utc(one.release.modified)[:10],
        plural(max(0, now - one.release.modified) // DAY, "day"),
        *(str(n) for n in (counts.tactics, counts.techniques, counts.sub_techniques)),
        *(str(n) for n in (counts.revoked, counts.deprecated)),
        utc(one.loaded_at)[:10],
        one.source,
    ]


def _release(one: attacking.Stored, used: str) -> dict[str, object]:
    return {
        "id": one.release_id,
        "version": one.release.version,
        "modified": one.release.modified,
        "loaded_at": one.loaded_at,
        "by": one.by,
        "source": one.source,
        "source_sha256": one.source_sha256,
        "in_use": one.release_id == used,
        **plain(Counts.of(one.release)),
    }


def _wanted(rule: attacking.LabelledRule, state: LabelState | None) -> bool:
    if state is None:
        return rule.worst not in (LabelState.CURRENT, LabelState.UNCHECKED)
    return any(one.state is state for one in rule.labels)


def _notable(labels: tuple[Label, ...], state: LabelState | None) -> str:
    shown = [one for one in labels if one.state is (state or one.state)]
    told = [one for one in shown if state is not None or one.state is not LabelState.CURRENT]
    return "; ".join(attacking.explain(one) for one in told)


def _print_json(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=JSON_OPTIONS, default=plain))
