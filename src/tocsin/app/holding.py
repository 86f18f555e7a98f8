"""Legal holds, as a person places and releases them."""

from datetime import UTC, datetime

import msgspec

from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.model.holds import Hold
from tocsin.store import State


class Wanted(msgspec.Struct, frozen=True):
    """A hold as it was asked for: times as text, empty where nothing was said."""

    hold_id: str
    reason: str
    entity: str = ""
    source: str = ""
    class_name: str = ""
    since: str = ""
    until: str = ""


def place(site: Site, wanted: Wanted, by: str, at: int) -> Hold:
    """Store a hold. UsageError when it says nothing, or a time that is none."""
    if not wanted.reason.strip():
        raise UsageError("a hold needs a reason")
    conditions = (wanted.entity, wanted.source, wanted.class_name, wanted.since, wanted.until)
    if not any(conditions):
        raise UsageError("say what to hold: --entity, --source, --event-class, --since or --until")
    hold = Hold(
        wanted.hold_id,
        wanted.reason,
        by,
        at,
        wanted.entity,
        wanted.source,
        wanted.class_name,
        moment(wanted.since),
        moment(wanted.until),
    )
    if hold.until and hold.until <= hold.since:
        raise UsageError("--until must be later than --since")
    _state(site).holds.place(hold)
    return hold


def release(site: Site, hold_id: str, by: str, reason: str, at: int) -> None:
    """End a hold. UsageError when none of that id is in force, or no reason is given."""
    if not reason.strip():
        raise UsageError("a release needs a reason")
    _state(site).holds.release(hold_id, by, reason, at)


def all_holds(site: Site) -> list[Hold]:
    """Every hold, those in force first."""
    return _state(site).holds.all() if site.state.exists() else []


def covers(hold: Hold) -> str:
    """What a hold covers, in words."""
    said = []
    if hold.entity:
        said.append(f"events that name {hold.entity}")
    if hold.source:
        said.append(f"of source {hold.source}")
    if hold.class_name:
        said.append(f"of class {hold.class_name}")
    if hold.since:
        said.append(f"from {_text(hold.since)}")
    if hold.until:
        said.append(f"up to {_text(hold.until)}")
    return ", ".join(said)


def moment(text: str) -> int:
    """Microseconds UTC of a date or time; 0 for an empty text. UsageError for any other."""
    if not text:
        return 0
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time: YYYY-MM-DD or YYYY-MM-DDTHH:MM") from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _text(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1_000_000, UTC):%Y-%m-%d %H:%M}"


def _state(site: Site) -> State:
    return State(site.state)
