"""What STIX patterns ask for, and what of them is said not to be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.enrich.intelligence.pattern import MAX_PATTERN, read_pattern

HASH = "a" * 32


def said(text):
    reading = read_pattern(text)
    return [
        [(t.kind, t.test, t.value, t.role, t.negated) for t in one] for one in reading.alternatives
    ], reading.unsupported


@pytest.mark.parametrize(
    ("pattern", "kind", "test", "value"),
    [
        ("[ipv4-addr:value = '198.51.100.7']", "address", "is", "198.51.100.7"),
        ("[ipv4-addr:value = '198[.]51[.]100[.]7']", "address", "is", "198.51.100.7"),
        ("[ipv6-addr:value = '2001:DB8:0::1']", "address", "is", "2001:db8::1"),
        ("[ipv4-addr:value = '198.51.100.0/24']", "address", "net", "198.51.100.0/24"),
        ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", "address", "net", "198.51.100.0/24"),
        ("[ipv4-addr:value = '198.51.100.7/32']", "address", "is", "198.51.100.7"),
        ("[domain-name:value = 'EVIL.example.']", "domain", "is", "evil.example"),
        ("[domain-name:value = 'b\u00fccher.example']", "domain", "is", "xn--bcher-kva.example"),
        ("[url:value = 'hxxps://Evil[.]example/A?b=c']", "url", "is", "evil.example/A?b=c"),
        (f"[file:hashes.MD5 = '{HASH.upper()}']", "hash", "is", HASH),
        (f"[file:hashes.'SHA-1' = '{'b' * 40}']", "hash", "is", "b" * 40),
        ("[file:name = 'Gull.EXE']", "file-name", "is", "gull.exe"),
        ("[email-addr:value = 'A[@]evil[.]example']", "email", "is", "a@evil.example"),
        ("[process:command_line = 'Gull  -x']", "command-line", "is", "gull -x"),
        ("[mutex:name = 'Global\\\\\\\\Gull']", "mutex", "is", "global\\\\gull"),
        (
            "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\Gull']",
            "registry-key", "is", "hklm\\software\\gull",
        ),
        ("[user-account:account_login = 'EVIL\\\\gull']", "account", "is", "gull"),
        ("[process:command_line LIKE '%gull%']", "command-line", "re", "(?s)^.*gull.*$"),
        ("[file:name MATCHES '^gu.l$']", "file-name", "re", "^gu.l$"),
    ],
)  # fmt: skip
def test_a_single_observable_becomes_one_term(pattern, kind, test, value):
    assert said(pattern) == ([[(kind, test, value, "", False)]], ())


def test_alternatives_and_what_must_hold_together():
    both = "[file:name = 'a.exe' AND (file:hashes.MD5 = '{0}' OR url:value = 'http://a.b/')]"
    found, problems = said(both.format(HASH))
    assert problems == ()
    assert found == [
        [("file-name", "is", "a.exe", "", False), ("hash", "is", HASH, "", False)],
        [("file-name", "is", "a.exe", "", False), ("url", "is", "a.b/", "", False)],
    ]


def test_a_role_and_a_negation_stay_with_their_term():
    text = "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port != 443]"
    assert said(text)[0] == [
        [
            ("address", "is", "198.51.100.7", "destination", False),
            ("port", "is", "443", "destination", True),
        ]
    ]


def test_a_set_is_as_many_alternatives():
    found, _ = said("[domain-name:value IN ('a.example', 'b.example')]")
    assert [one[0][2] for one in found] == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[artifact:payload_bin = 'x']", "at 1: artifact:payload_bin is in no event"),
        ("[url:value = 'a.b/c'] AND [file:name = 'x']", "AND between observations"),
        ("[url:value = 'a.b/c'] FOLLOWEDBY [file:name = 'x']", "FOLLOWEDBY"),
        ("[file:name = 'x'] REPEATS 5 TIMES", "REPEATS"),
        ("([file:name = 'x'] OR [file:name = 'y']) WITHIN 5 SECONDS", "WITHIN"),
        ("[file:name = 'x'] START t'2016-06-01T00:00:00Z' STOP t'2016-07-01T00:00:00Z'", "START"),
        ("[network-traffic:dst_port = 443]", "says too little"),
        ("[file:name != 'x']", "says too little"),
        ("[domain-name:value = 'example']", "whole top level"),
        ("[ipv4-addr:value = '0.0.0.0/0']", "too wide"),
        ("[process:command_line MATCHES '.*']", "holds for anything"),
        ("[process:command_line MATCHES '(?=a)a']", "RE2"),
        ("[file:size > 5]", "not read"),
        ("[file:hashes.SSDEEP = '3:abc:def']", "in no event"),
        ("[ipv4-addr:value = 'nonsense']", "is no address"),
        ("nonsense", "not a STIX pattern"),
        ("[file:name = 'x'" + " " * MAX_PATTERN + "]", "longer or deeper"),
        ("[" + "(" * 60 + "file:name = 'x'" + ")" * 60 + "]", "longer or deeper"),
    ],
)
def test_what_is_not_looked_for_is_said(pattern, reason):
    found, problems = said(pattern)
    assert found == []
    assert reason in " ".join(problems)


def test_a_part_that_is_not_looked_for_leaves_the_others():
    found, problems = said("[artifact:url = 'x' OR domain-name:value = 'evil.example']")
    assert [one[0][2] for one in found] == ["evil.example"]
    assert problems == ("at 1: artifact:url is in no event",)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    for pattern in (text, f"[domain-name:value = '{text}']"):
        reading = read_pattern(pattern)
        assert reading.alternatives or reading.unsupported
