import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.cef import cef


def read(text: str) -> dict[str, object]:
    fields = cef(text)
    assert fields is not None
    return fields


def test_header_and_extension() -> None:
    fields = read(
        r"CEF:0|Acme\|Co|Wall|1.2|100|worm \\ stopped|10|src=10.0.0.1 act=blocked a dst=1.1.1.1"
    )
    assert (fields["device_vendor"], fields["name"]) == ("Acme|Co", "worm \\ stopped")
    assert (fields["signature_id"], fields["severity"]) == ("100", "10")
    assert (fields["src"], fields["act"], fields["dst"]) == ("10.0.0.1", "blocked a", "1.1.1.1")


def test_values_hold_spaces_escapes_and_equal_signs() -> None:
    fields = read(
        r"CEF:0|A|B|1|1|n|3|msg=a\=b \\ c\nd path=C:\Users\n request=http://x/?a=b&c=d f="
    )
    assert fields["msg"] == "a=b \\ c\nd"
    assert fields["request"] == "http://x/?a=b&c=d"
    assert "f" not in fields


def test_labels_name_values() -> None:
    fields = read("CEF:0|A|B|1|1|n|3|cs1=allow web cs1Label=Rule cn1=7 cs2Label=Nothing")
    assert (fields["cs1"], fields["Rule"], fields["cn1"]) == ("allow web", "allow web", "7")
    assert "Nothing" not in fields


def test_full_names_of_the_dictionary_become_keys() -> None:
    assert read("CEF:0|A|B|1|1|n|3|sourceAddress=10.0.0.1")["src"] == "10.0.0.1"


@pytest.mark.parametrize("head", ["<134>Nov 23 07:00:00 fw1 ", "2025-11-23T07:00:00Z fw1 ASM: "])
def test_a_syslog_header_may_stand_before_it(head: str) -> None:
    assert read(head + "CEF:0|A|B|1|1|n|3|src=10.0.0.1")["syslog_host"] == "fw1"


def test_what_a_program_logs_of_strangers_is_no_record() -> None:
    assert (
        cef("Nov 23 07:00:00 h sshd[1]: Invalid user CEF:0|A|B|1|1|n|3|src=1.1.1.1 from x") is None
    )


def test_a_header_without_an_extension_may_end_early() -> None:
    assert read("CEF: 1|A|B|1|1|n|Very-High")["severity"] == "Very-High"


@pytest.mark.parametrize(
    "text", ["", "CEF:0", "CEF:0|A|B|1", "LEEF:1.0|A|B|1|1|", "x" * 600 + "CEF:0|A"]
)
def test_other_text_is_not_taken(text: str) -> None:
    assert cef(text) is None


def test_the_gist_tells_kinds_apart() -> None:
    fields = read("CEF:0|A|B|1|9|Login failed|3|cat=auth src=1.1.1.1 suser=x request=C:\\x.exe")
    assert fields["gist"] == "A|B|9|Login failed|auth||||src suser"


PIECES = st.lists(
    st.sampled_from(
        ["CEF:0|", "|", "\\", "=", " ", "src=", "cs1=", "cs1Label=", "a", "\n", "é", "\x00"]
    ),
    max_size=60,
).map("".join)


@given(PIECES | st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    start = "CEF:0|A|B|1|1|n|3|"
    for found in (cef(text), cef(start + text), cef(text + start)):
        assert found is None or all(type(value) is str for value in found.values())


@given(
    st.dictionaries(st.from_regex(r"[a-z]{2,8}", fullmatch=True), st.text("ab =\\|", min_size=1))
)
def test_what_is_escaped_as_the_standard_says_is_read_back(extension: dict[str, str]) -> None:
    words = {key: value.strip() for key, value in extension.items() if value.strip()}
    written = " ".join(
        f"{key}={value.replace(chr(92), chr(92) * 2).replace('=', chr(92) + '=')}"
        for key, value in words.items()
    )
    fields = read(f"CEF:0|A|B|1|1|n|3|{written}")
    assert {key: fields[key] for key in words} == words


@pytest.mark.parametrize("piece", ["a=b ", "|", "\\", "cs1Label=", "=", " "])
def test_long_records_cost_time_in_proportion(piece: str) -> None:
    text = "CEF:0|A|B|1|1|n|3|" + piece * (8_000_000 // len(piece))
    began = time.process_time()
    cef(text)
    cef(text.replace("|3|", "|"))
    assert time.process_time() - began < 2
