"""Sending dead letters through once more, after a mapping was mended.

They are put where the edge reads them before they are taken out of state: after a crash in between
some go through twice, and the identity of the event drops the second.
"""

from collections.abc import Sequence

import msgspec

from tocsin.app.accounts import AGAIN, NOBODY
from tocsin.app.site import Site
from tocsin.collect.transports.again import Bundle, Letter, write_bundle
from tocsin.errors import UsageError
from tocsin.store import State
from tocsin.store.intake import KeptLetter
from tocsin.store.think import MAX_RAW

FOLDER = "again"
AT_ONCE = 2_000
"""Letters of one bundle: at most 128 MB."""


WHOLE = frozenset(
    {
        "byte-order-mark",
        "internal-error",
        "no-header",
        "not-an-object",
        "not-json",
        "not-utf-8",
        "other-source",
        "unknown-source",
        "unrecognized",
    }
)
"""Reasons of letters that are a whole record. Others are a file that could not be read further, or
the part of a record that came: reading it again would make something up."""


class Sent(msgspec.Struct, frozen=True):
    """What goes through once more; `cut` letters stay: they are no whole record."""

    sent: int
    cut: int


def send_again(
    site: Site,
    by: str,
    at: int,
    *,
    reason: str | None = None,
    source: str | None = None,
    declare: str | None = None,
) -> Sent:
    """Send dead letters through again: all, or those with a reason or a declared source.

    `declare` says of which source they are. Raises UsageError where there is nothing to send.
    """
    state = State(site.state)
    sent = cut = 0
    after = 0
    try:
        while letters := state.intake.letters(AT_ONCE, after, reason=reason, source=source):
            after = letters[-1].number
            whole = [one for one in letters if _is_whole(one)]
            cut += len(letters) - len(whole)
            sent += len(whole)
            _send(site, state, whole, declare, (by, at))
    finally:
        state.close()
    if not sent and not cut:
        raise UsageError("there is no such dead letter; `tocsin dead-letters` lists them")
    return Sent(sent, cut)


def _is_whole(letter: KeptLetter) -> bool:
    return letter.reason in WHOLE and 0 < len(letter.raw) < MAX_RAW


def _send(
    site: Site,
    state: State,
    letters: Sequence[KeptLetter],
    declare: str | None,
    act: tuple[str, int],
) -> None:
    by, at = act
    by_source: dict[str | None, list[KeptLetter]] = {}
    for letter in letters:
        by_source.setdefault(declare or letter.source_id, []).append(letter)
    for number, (source_id, found) in enumerate(by_source.items()):
        bundle = Bundle(source_id, [Letter(one.origin, one.position, one.raw) for one in found])
        write_bundle(site.data / FOLDER, f"{at}-{found[0].number}-{number}", bundle)
        with state.think(FOLDER) as tx:
            tx.forget_letters([one.number for one in found])
            for one in found:
                tx.count({f"{AGAIN}|{one.source_id or NOBODY}": 1})
            body = {"letters": len(found), "source": source_id or ""}
            tx.journal(at, by, "reprocess", subject="dead-letters", body=body)
