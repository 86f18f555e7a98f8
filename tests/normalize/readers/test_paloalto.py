import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.paloalto import paloalto_csv

SYSTEM = (
    "1,2026/03/02 09:14:10,0131,SYSTEM,auth,2817,2026/03/02 09:14:09,,auth-fail,VPN,0,0,general,"
    'medium,"said ""no"", then left",77,0x0,0,0,0,0,,fw1'
)


def read(text: str) -> dict[str, object]:
    fields = paloalto_csv(text)
    assert fields is not None
    return fields


@pytest.mark.parametrize("head", ["", "<14>Mar  2 09:14:10 fw1 ", "2026-03-02T09:14:10Z fw1 "])
def test_columns_have_names(head: str) -> None:
    fields = read(head + SYSTEM)
    assert (fields["LogType"], fields["EventName"]) == ("SYSTEM", "auth-fail")
    assert fields["EventDescription"] == 'said "no", then left'
    assert (fields["DeviceName"], fields["SequenceNo"]) == ("fw1", "77")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-03-02T09:14:10.348+01:00", "2026-03-02T09:14:10.348+01:00"),
        ("2026-03-02T09:14:10.348+01:0", "2026-03-02T09:14:10.348+01:00"),
        ("2026-03-02T09:14:10.348+05:4", "2026-03-02T09:14:10.348+05:45"),
        ("2026-03-02T09:14:10Z", "2026-03-02T09:14:10Z"),
    ],
)
def test_the_precise_time_is_found_wherever_it_stands(written: str, read_as: str) -> None:
    assert read(f"{SYSTEM},0,0,{written}")["TimeGeneratedHighResolution"] == read_as


def test_an_unknown_type_keeps_what_all_types_have() -> None:
    fields = read("1,2026/03/02 09:14:10,0131,NEWTYPE,a,2817,2026/03/02 09:14:09,b,c")
    assert fields["TimeGenerated"] == "2026/03/02 09:14:09"
    assert "b" not in fields.values()


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "a,b,c,SYSTEM,", "the user 1,2026/03/02 09:14:10,0131,SYSTEM,auth came,"]
)
def test_other_text_is_not_taken(text: str) -> None:
    assert paloalto_csv(text) is None


@given(st.text() | st.text(',"\n 1'))
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (paloalto_csv(text), paloalto_csv(SYSTEM + text)):
        assert found is None or all(type(value) is str for value in found.values())


@pytest.mark.parametrize("piece", [",", '"', ',"', '""', ',"a'])
def test_long_records_cost_time_in_proportion(piece: str) -> None:
    began = time.process_time()
    paloalto_csv(SYSTEM + piece * 2_000_000)
    assert time.process_time() - began < 2
