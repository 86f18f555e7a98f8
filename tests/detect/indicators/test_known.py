"""Values that are known to be mostly harmless, in the forms of MISP's lists."""

import pytest

from tocsin.detect.indicators.known import KnownValues
from tocsin.model.intelligence import WarningList

ALL = ("address", "domain", "url", "hash", "email")


def known(form, *entries, kinds=ALL, effect="lower"):
    return KnownValues([WarningList("L", form, kinds, entries, effect)])


@pytest.mark.parametrize(
    ("form", "entry", "kind", "value", "on"),
    [
        ("string", "Evil.example", "domain", "evil.example", True),
        ("string", "evil.example", "domain", "www.evil.example", False),
        ("string", ".evil.example", "domain", "www.evil.example", True),
        ("string", "A" * 32, "hash", "a" * 32, True),
        ("hostname", "evil.example", "domain", "www.evil.example", True),
        ("hostname", "evil.example", "url", "www.evil.example/x", True),
        ("hostname", "evil.example", "domain", "devil.example", False),
        ("substring", "evil.example", "email", "a@xevil.example", True),
        ("cidr", "198.51.100.0/24", "address", "198.51.100.7", True),
        ("cidr", "198.51.100.7", "address", "198.51.100.7", True),
        ("cidr", "198.51.100.0/24", "network", "198.51.100.0/25", True),
        ("cidr", "198.51.100.0/24", "network", "198.51.0.0/16", False),
        ("cidr", "2001:db8::/32", "address", "2001:db8::1", True),
        ("cidr", "198.51.100.0/24", "url", "198.51.100.7/x", True),
        ("regex", "/^evil\\d+\\.example$/i", "domain", "evil5.example", True),
        ("regex", "^evil\\d+$", "domain", "evil5.example", False),
    ],
)  # fmt: skip
def test_forms(form, entry, kind, value, on):
    assert bool(known(form, entry).of(kind, value)) is on


def test_a_list_is_only_about_its_kinds():
    assert known("string", "evil.example", kinds=("email",)).of("domain", "evil.example") == ()


def test_lists_that_suppress_come_first_and_bad_entries_are_named():
    lists = [
        WarningList("a", "hostname", ALL, ("evil.example",), "lower"),
        WarningList("b", "string", ALL, ("evil.example",), "suppress"),
        WarningList("c", "cidr", ALL, ("nonsense",)),
        WarningList("d", "regex", ALL, ("(?=x)",)),
    ]
    found = KnownValues(lists)
    assert [one.name for one in found.of("domain", "evil.example")] == ["b", "a"]
    assert [problem.split(":")[0] for problem in found.problems] == ["c", "d"]
