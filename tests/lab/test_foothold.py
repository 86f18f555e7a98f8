from tests.lab.conftest import History


def steps(day: History, name: str) -> list[dict[str, object]]:
    """Records of one step."""
    wanted = {(x["file"], x["record_number"]) for x in day.truth if x["step"] == name}
    return [
        record
        for file, records in day.files.items()
        for record in records
        if (file, record["RecordNumber"]) in wanted
    ]


def test_the_shell_descends_from_the_document(day: History) -> None:
    started = [r for r in steps(day, "macro starts a shell") if r["EventID"] == 1]
    assert str(started[0]["ParentImage"]).endswith("WINWORD.EXE")
    below = [r for r in steps(day, "encoded script") if r["EventID"] == 1]
    assert below[0]["ParentProcessGuid"] == started[0]["ProcessGuid"]


def test_the_dump_runs_with_full_rights(day: History) -> None:
    dump = steps(day, "memory of lsass")
    assert {r["IntegrityLevel"] for r in dump if r["EventID"] == 1} == {"High"}
    assert [r["GrantedAccess"] for r in dump if r["EventID"] == 10] == ["0x1fffff"]


def test_the_dump_names_the_real_pid_of_lsass(day: History) -> None:
    dump = steps(day, "memory of lsass")
    command = next(str(r["CommandLine"]) for r in dump if r["EventID"] == 1)
    target = next(str(r["TargetProcessId"]) for r in dump if r["EventID"] == 10)
    assert f"MiniDump {target} " in command


def test_all_of_it_happens_on_the_workstation(day: History) -> None:
    for name in ("run key", "local discovery", "elevation by auto-elevated program"):
        assert {r["Hostname"] for r in steps(day, name)} == {"WS-OFF03.northquay.example"}
