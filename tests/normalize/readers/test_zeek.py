import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.zeek import zeek_json, zeek_tsv

HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t"


def row(path: str, columns: dict[str, str], values: list[str]) -> str:
    names, types = "\t".join(columns), "\t".join(columns.values())
    return f"{HEAD}{path}\n#fields\t{names}\n#types\t{types}\n" + "\t".join(values)


def test_a_row_has_the_types_of_its_header() -> None:
    columns = {"ts": "time", "n": "count", "b": "bool", "s": "set[addr]", "e": "vector[string]"}
    columns |= {"d": "double", "t": "string", "u": "string", "p": "port"}
    values = ["1.5", "7", "T", "10.0.0.1,10.0.0.2", "(empty)", "0.5", "a\\x09\\xc3\\xa9", "-", "53"]
    assert zeek_tsv(row("x", columns, values)) == {
        "_path": "x", "ts": "1.5", "n": 7, "b": True, "s": ["10.0.0.1", "10.0.0.2"], "e": [],
        "d": 0.5, "t": "a\té", "p": 53,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "#fields\tts", "1.0\tx", HEAD + "x\n1.0\tx", "{}"])
def test_a_row_without_columns_is_not_taken(text: str) -> None:
    assert zeek_tsv(text) is None


def test_a_row_of_other_width_is_not_taken() -> None:
    assert zeek_tsv(row("x", {"ts": "time", "n": "count"}, ["1.0"])) is None


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"uid": "C1", "conn_state": "SF"}, "conn"),
        ({"uid": "C1", "trans_id": 1, "rejected": False}, "dns"),
        ({"uid": "C1", "auth_attempts": 2}, "ssh"),
        ({"note": "Scan::Port_Scan", "actions": []}, "notice"),
        ({"_path": "any", "uid": "C1", "conn_state": "SF"}, "any"),
    ],
)
def test_a_json_record_is_known_by_its_path_or_fields(fields: dict[str, object], path: str) -> None:
    found = zeek_json({"ts": 1.5, **fields})
    assert found is not None
    assert found["_path"] == path


@pytest.mark.parametrize("document", [{"ts": 1.5, "uid": "C1"}, {"uid": "C1", "conn_state": "SF"}])
def test_other_json_is_not_taken(document: dict[str, object]) -> None:
    assert zeek_json(document) is None


def test_inner_objects_get_the_names_of_zeek() -> None:
    found = zeek_json({"ts": 1, "_path": "conn", "id": {"orig_h": "10.0.0.1", "orig_p": 1}})
    assert found is not None
    assert (found["id.orig_h"], found["id.orig_p"]) == ("10.0.0.1", 1)


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "x.org", "uri": "/a"}, "http://x.org/a"),
        ({"uri": "/a"}, "/a"),
        ({"host": "x.org", "uri": "http://y.org/a"}, "http://y.org/a"),
    ],
)
def test_the_url_of_a_request(fields: dict[str, str], url: str) -> None:
    found = zeek_json({"ts": 1, "_path": "http", **fields})
    assert found is not None
    assert found["url"] == url


def test_the_path_of_a_file_on_a_share() -> None:
    found = zeek_json({"ts": 1, "_path": "smb_files", "path": r"\\fs\c$\\", "name": r"a\b.txt"})
    assert found is not None
    assert found["share_path"] == r"\\fs\c$\a\b.txt"


PIECES = st.lists(
    st.sampled_from(
        [
            "#separator \\x09\n",
            "#fields\t",
            "#types\t",
            "#path\t",
            "\t",
            "\n",
            "set[",
            "ts",
            "\\x",
            "-",
        ]
    ),
    max_size=40,
).map("".join)


@given(PIECES | st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (zeek_tsv(text), zeek_tsv(HEAD + "x\n#fields\tts\ta\n" + text)):
        assert found is None or "_path" in found or found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
NAMES = st.sampled_from(["_path", "uid", "host", "uri", "path", "name", "conn_state", "id", "x"])


@given(st.dictionaries(NAMES, JSON))
def test_no_document_breaks_the_reader(document: dict[str, object]) -> None:
    zeek_json({"ts": 1, **document})
    zeek_json({"ts": 1, "_path": "smb_files", **document})
