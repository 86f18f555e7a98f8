from pathlib import Path

from tests.lab.conftest import MONDAY, Whole, write_whole

from tocsin.lab.hosts import Route
from tocsin.lab.write import LogFiles
from tocsin.lab.zeek import ZeekLogs

ROUTE = Route("C1", "10.0.0.1", 50_000, "10.0.0.2", 445)


def read_tsv(lines: list[bytes]) -> tuple[dict[str, list[str]], list[dict[str, str]]]:
    head = {}
    rows = []
    for line in lines:
        name, *rest = line.decode().split("\t")
        if name.startswith("#"):
            head[name] = rest
        else:
            rows.append(dict(zip(head["#fields"], [name, *rest], strict=True)))
    return head, rows


def test_tabs_and_json_say_the_same(whole: Whole, tmp_path: Path) -> None:
    tsv = write_whole(tmp_path, zeek_tsv=True)
    for name in whole.lines:
        if name.startswith("zeek-"):
            head, rows = read_tsv(tsv.lines[name])
            assert head["#path"] == [name[5:-4]]
            assert len(head["#fields"]) == len(head["#types"])
            records = whole.json(name)
            assert len(rows) == len(records)
            for row, record in zip(rows[:50], records[:50], strict=True):
                assert {key for key, value in row.items() if value != "-"} == record.keys()
                assert row["uid"] == record["uid"]
                assert float(row["ts"]) == record["ts"]


def test_what_is_special_in_tabs_is_escaped(tmp_path: Path) -> None:
    with LogFiles(tmp_path / "logs", tmp_path / "t", MONDAY, 0) as files:
        logs = ZeekLogs(files, lambda: MONDAY, on=True, tsv=True)
        logs.write("smb_files", ROUTE, {"path": "\\\\fs\\a\tb", "name": ""})
        logs.write("dns", ROUTE, {"query": "x", "AA": True, "answers": [], "TTLs": [1.0, 2.5]})
    lines = (tmp_path / "logs/zeek-smb_files.log").read_bytes().splitlines()
    assert lines[0] == b"#separator \\x09"
    _, (row,) = read_tsv(lines)
    assert row["path"] == "\\x5c\\x5cfs\\x5ca\\x09b"
    _, (row,) = read_tsv((tmp_path / "logs/zeek-dns.log").read_bytes().splitlines())
    assert (row["AA"], row["answers"], row["TTLs"]) == ("T", "(empty)", "1.000000,2.500000")


def test_nothing_is_written_for_nobody(tmp_path: Path) -> None:
    with LogFiles(tmp_path / "logs", tmp_path / "t", MONDAY, 0) as files:
        ZeekLogs(files, lambda: MONDAY, on=False, tsv=False).write("conn", ROUTE, {})
    assert not list((tmp_path / "logs").iterdir())
