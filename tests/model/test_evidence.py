"""Evidence counts while it lives, and its digest binds what it claims."""

import msgspec

from tocsin.model.evidence import READINESS, Evidence, digest_of, latest


def claim(issued: int, expires: int, revoked: int | None = None) -> Evidence:
    claims = {"fit": True}
    digest = digest_of(READINESS, "s:detection", claims, issued)
    return Evidence(READINESS, "s:detection", claims, "m", issued, expires, "core", digest, revoked)


def test_the_newest_valid_claim_counts():
    old, new = claim(1, 100), claim(5, 10)
    assert latest([old, new], 7) == new
    assert latest([new, old], 20) == old
    assert latest([old, new], 100) is None
    assert latest([msgspec.structs.replace(new, revoked=6), old], 7) == old


def test_the_digest_changes_with_all_that_it_binds():
    base = digest_of(READINESS, "s:detection", {"fit": True, "gaps": 0}, 1)
    assert base == digest_of(READINESS, "s:detection", {"gaps": 0, "fit": True}, 1)
    others = {
        digest_of("other", "s:detection", {"fit": True, "gaps": 0}, 1),
        digest_of(READINESS, "t:detection", {"fit": True, "gaps": 0}, 1),
        digest_of(READINESS, "s:detection", {"fit": False, "gaps": 0}, 1),
        digest_of(READINESS, "s:detection", {"fit": True, "gaps": 0}, 2),
    }
    assert len(others | {base}) == 5
