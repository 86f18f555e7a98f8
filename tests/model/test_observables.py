"""Both sides of a comparison in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.observables import KINDS, fold, folder_of, guesses, host_of, parents, refanged


@pytest.mark.parametrize(
    ("kind", "value", "folded"),
    [
        ("address", " 198.51.100.7 ", "198.51.100.7"),
        ("address", "::ffff:198.51.100.7", "198.51.100.7"),
        ("address", "[2001:DB8::1]", "2001:db8::1"),
        ("address", "198.51.100.256", ""),
        ("address", "198.51.100.07", ""),
        ("domain", "EVIL.Example.", "evil.example"),
        ("domain", "b\u00fccher.example", "xn--bcher-kva.example"),
        ("domain", "a b.example", ""),
        ("url", "HTTP://User:pw@Evil.example:80/a%7Eb?q#f", "evil.example/a~b?q"),
        ("url", "https://evil.example:443", "evil.example/"),
        ("url", "https://evil.example:8443/", "evil.example:8443/"),
        ("url", "evil.example/x", "evil.example/x"),
        ("url", "http://[2001:db8::1]:80/x", "[2001:db8::1]/x"),
        ("url", "/only/a/path", ""),
        ("hash", "A" * 64, "a" * 64),
        ("hash", "0" * 32, ""),
        ("hash", "a" * 33, ""),
        ("email", "Gull <Gull@Evil.Example>", "gull@evil.example"),
        ("file-name", "C:\\Tools\\Gull.EXE", "gull.exe"),
        ("file-name", "/tmp/gull", "gull"),
        (
            "registry-key", "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\X",
            "hklm\\system\\currentcontrolset\\x",
        ),
        ("registry-key", "HKU\\S-1-5-21-1-2-3-500\\Software\\X", "hkcu\\software\\x"),
        ("certificate", "00:AB:cd", "abcd"),
        ("command-line", "Gull   -X ", "gull -x"),
        ("account", "EVIL\\Gull", "gull"),
        ("network", "198.51.100.9/24", "198.51.100.0/24"),
    ],
)  # fmt: skip
def test_a_value_is_folded(kind, value, folded):
    assert fold(kind, value) == folded


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("hxxps://evil[.]example/a", "https://evil.example/a"),
        ("hXXp[:]//evil(.)example", "http://evil.example"),
        ("198[.]51[.]100[.]7", "198.51.100.7"),
        ("evil [dot] example", "evil.example"),
        ("gull[at]evil[.]example", "gull@evil.example"),
        ("http://evil.example/a[1]", "http://evil.example/a[1]"),
    ],
)
def test_what_was_made_harmless_is_read(written, plain):
    assert refanged(written) == plain


@given(st.sampled_from(KINDS), st.text(max_size=100))
def test_folding_twice_is_folding_once_and_nothing_breaks_it(kind, value):
    once = fold(kind, value)
    if kind not in ("url", "file-name", "folder", "certificate", "registry-key", "account"):
        assert fold(kind, once) == once
    refanged(value)
    guesses(value)
    folder_of(value)


def test_what_a_value_may_be_is_told_from_its_form():
    assert guesses("198.51.100.7") == (("address", "198.51.100.7"),)
    assert guesses("https://evil.example/x") == (("url", "evil.example/x"),)
    assert guesses("www.evil.example.") == (("domain", "www.evil.example"),)
    assert guesses("a" * 40) == (("hash", "a" * 40),)
    assert guesses("gull@evil.example") == (("email", "gull@evil.example"),)
    assert guesses("localhost") == ()


def test_hosts_parents_and_folders():
    assert host_of("[2001:db8::1]:8443/x") == "2001:db8::1"
    assert host_of("evil.example:81/x") == "evil.example"
    assert parents("a.b.evil.example") == ("b.evil.example", "evil.example")
    assert parents("evil.example") == ()
    assert len(parents("a." * 100 + "example")) < 12
    assert folder_of("C:\\Tools\\gull.exe") == "c:\\tools"
