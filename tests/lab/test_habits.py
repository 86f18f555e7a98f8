from collections import Counter

from tests.lab.conftest import History

from tocsin.lab.staff import employ


def test_office_hours_show_in_the_logs(day: History) -> None:
    hours = Counter(
        int(record["EventTime"][11:13])
        for name, records in day.files.items()
        if name.startswith("WS-OFF") and name.endswith("-sysmon.json")
        for record in records
        if record["EventID"] == 1 and "Office16" in record["Image"]
    )
    assert sum(hours[hour] for hour in range(8, 17)) > 100
    assert sum(hours[hour] for hour in (*range(6), 20, 21, 22, 23)) == 0


def test_both_units_have_habits_of_their_own(day: History) -> None:
    used: dict[str, set[str]] = {"WS-OFF": set(), "WS-ENG": set()}
    for name, records in day.files.items():
        if name.endswith("-sysmon.json") and name[:6] in used:
            used[name[:6]] |= {r["Image"].rpartition("\\")[2] for r in records if r["EventID"] == 1}
    assert {"git.exe", "node.exe", "python.exe"} <= used["WS-ENG"]
    assert "git.exe" not in used["WS-OFF"]
    assert "LedgerClient.exe" in used["WS-OFF"]


def test_everybody_comes_to_work(day: History) -> None:
    present = {
        record["TargetUserName"]
        for record in day.records
        if _interactive(record, 4624) and not record["TargetUserName"].startswith("adm.")
    }
    assert present == {person.account.name for person in employ()}


def test_who_comes_also_leaves(day: History) -> None:
    come = Counter(r["TargetUserName"] for r in day.records if _interactive(r, 4624))
    left = Counter(r["TargetUserName"] for r in day.records if _interactive(r, 4634))
    # The night operator is still there at midnight.
    assert set(come - left) <= {"rafael.duarte"}


def _interactive(record: dict[str, object], event_id: int) -> bool:
    return record["EventID"] == event_id and record["LogonType"] == "2"
