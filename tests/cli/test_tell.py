"""What a hunt tells stays readable whatever came in."""

import io

from tocsin.app.hunt import Report, Unrecognized
from tocsin.cli.screen import Screen
from tocsin.cli.tell import REASONS, tell_report


def told(reasons):
    kept_out = [Unrecognized(f"reason-{n}", 100 - n, "f:1", "seen") for n in range(reasons)]
    out = io.StringIO()
    tell_report(Screen(out), Report({}, [], [], {}, {}, [], kept_out, 1.0, 1), top=1)
    return out.getvalue()


def test_few_reasons_are_all_shown():
    assert told(REASONS).count("reason-") == REASONS
    assert "more reasons" not in told(REASONS)


def test_of_many_reasons_the_commonest_are_shown_and_the_rest_counted():
    assert told(REASONS + 3).count("reason-") == REASONS
    assert "and 3 more reasons" in told(REASONS + 3)
