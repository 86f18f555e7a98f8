from pathlib import Path

from tests.lab.conftest import MONDAY

from tocsin.lab.firewall import FILE, Firewall, Traffic, inside
from tocsin.lab.hosts import RandomFor, Route
from tocsin.lab.write import LogFiles


def told(tmp_path: Path, route: Route, traffic: Traffic) -> list[str]:
    with LogFiles(tmp_path / "logs", tmp_path / "t", MONDAY, 3600) as files:
        Firewall(files, 3600, RandomFor(1, MONDAY)("f"), on=True).write(route, traffic, MONDAY)
    path = tmp_path / "logs" / FILE
    return path.read_text().splitlines() if path.exists() else []


def test_a_line_is_syslog_with_cef_inside(tmp_path: Path) -> None:
    route = Route("C", "10.20.10.50", 50_000, "198.51.100.1", 443)
    (line,) = told(tmp_path, route, Traffic("ssl", 10, 20, 3))
    head, _, cef = line.partition("CEF:0|")
    assert head == "<14>Mar  2 00:00:00 fw01 "
    assert cef.split("|")[:6] == ["Palo Alto Networks", "PAN-OS", "10.2.8", "end", "TRAFFIC", "1"]
    assert "rt=Mar 01 2026 23:00:00 GMT " in cef
    assert " act=allow in=20 out=10 " in cef


def test_what_stays_inside_does_not_pass(tmp_path: Path) -> None:
    route = Route("C", "10.20.10.50", 50_000, "10.20.1.20", 445)
    assert told(tmp_path, route, Traffic("ms-ds-smb", 1, 1, 1)) == []
    assert inside("10.1.1.1")
    assert not inside("192.0.2.10")


def test_a_refusal_has_no_other_address(tmp_path: Path) -> None:
    route = Route("C", "203.0.113.9", 50_000, "192.0.2.10", 23)
    (line,) = told(tmp_path, route, Traffic("not-applicable", 0, 0, 0, allowed=False))
    assert "act=deny" in line
    assert "sourceTranslatedAddress=0.0.0.0" in line
    assert "cs1=interzone-default" in line
