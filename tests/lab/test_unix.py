import re
from collections import Counter, defaultdict

from tests.lab.conftest import Whole, lines_of

from tocsin.lab import unix
from tocsin.lab.world import World

SERIAL = re.compile(rb"^type=(\S+) msg=audit\(\d+\.\d{3}:(\d+)\): ")


def events(lines: list[bytes]) -> dict[int, list[tuple[str, bytes]]]:
    """The records of each audit event."""
    found = defaultdict(list)
    for line in lines:
        kind, serial = SERIAL.match(line).groups()
        found[int(serial)].append((kind.decode(), line))
    return found


def test_a_program_s_records_share_their_serial(whole: Whole) -> None:
    for name in ("lnx-web01-audit.log", "lnx-jump01-audit.log"):
        kinds = {tuple(kind for kind, _ in event) for event in events(whole.lines[name]).values()}
        started = ("SYSCALL", "EXECVE", "CWD", "PATH", "PATH", "PROCTITLE")
        assert started in kinds
        assert all(len(kind) == 1 for kind in kinds - {started})


def test_arguments_and_title_agree(large: World) -> None:
    shell = unix.service(large, "lnx-db01", "postgres")
    unix.execute(large, shell, "/usr/bin/pg_dump -Fc harbor")
    (event,) = events(lines_of(large, "lnx-db01-audit.log")).values()
    lines = dict(event)
    assert b'argc=3 a0="/usr/bin/pg_dump" a1="-Fc" a2="harbor"' in lines["EXECVE"]
    title = bytes.fromhex(lines["PROCTITLE"].rpartition(b"=")[2].decode())
    assert title.split(b"\0") == [b"/usr/bin/pg_dump", b"-Fc", b"harbor"]
    assert b'comm="pg_dump" exe="/usr/bin/pg_dump"' in lines["SYSCALL"]


def test_a_session_has_one_number_from_beginning_to_end(large: World) -> None:
    route = large.wire.open("10.20.20.50", "10.20.2.14", 22)
    shell = unix.come(large, "lnx-web01", "arnevogt", route)
    unix.execute(large, shell, "ls -la")
    unix.as_root(large, shell, "ss -tlnp")
    unix.leave(large, shell, route)
    lines = lines_of(large, "lnx-web01-audit.log")
    numbers = Counter(re.search(rb" ses=(\d+)", line)[1] for line in lines if b" ses=" in line)
    assert numbers.pop(str(unix._UNSET).encode()) == 1  # before the login
    assert set(numbers) == {str(shell.session).encode()}
    roots = [line for line in lines if b'comm="ss"' in line]
    assert len(roots) == 1
    assert b" uid=0 " in roots[0]
    assert f" auid={shell.auid} ".encode() in roots[0]
    text = b"\n".join(lines_of(large, "lnx-web01-syslog.log"))
    assert f"port {route.source_port} ssh2".encode() in text
    assert b"COMMAND=/usr/bin/ss -tlnp" in text


def test_a_wrong_password_is_told_by_sshd_pam_and_the_kernel(large: World) -> None:
    route = large.wire.open("203.0.113.200", "10.20.2.10", 22)
    unix.refused(large, "lnx-jump01", "oracle", route, known=False)
    text = b"\n".join(lines_of(large, "lnx-jump01-syslog.log"))
    assert b"Invalid user oracle from 203.0.113.200" in text
    assert b"Failed password for invalid user oracle" in text
    (line,) = lines_of(large, "lnx-jump01-audit.log")
    assert line.startswith(b"type=USER_AUTH")
    assert line.endswith(b"res=failed'")


def test_uids_are_given_once() -> None:
    machine = unix.Machine("m", "10.0.0.1", 1, 300, 1)
    assert machine.uid("root") == 0
    assert machine.uid("a") == machine.uid("a") != machine.uid("b")
