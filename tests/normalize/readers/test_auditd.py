import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.auditd import auditd
from tocsin.normalize.readers.syscalls import syscall_name

EXEC = """type=SYSCALL msg=audit(1.5:7): arch=c000003e syscall=59 success=yes a0=5581 a1=5582 \
auid=4294967295 uid=0 comm="sh" exe="/bin/sh" key=(null)\x1dARCH=x86_64 SYSCALL=execve \
AUID="unset" UID="root"
type=EXECVE msg=audit(1.5:7): argc=3 a0="sh" a1="-c" a2[0]=6C732061 a2[1]=2062
type=CWD msg=audit(1.5:7): cwd="/root"
type=PATH msg=audit(1.5:7): item=0 name="/bin/sh" nametype=NORMAL
type=PATH msg=audit(1.5:7): item=1 name="/lib/ld.so" nametype=NORMAL"""


def read(text: str) -> dict[str, object]:
    fields = auditd(text)
    assert fields is not None
    return fields


def test_the_lines_of_an_event_are_one_record() -> None:
    fields = read(EXEC)
    assert fields["type"] == ["SYSCALL", "EXECVE", "CWD", "PATH"]
    assert fields["name"] == ["/bin/sh", "/lib/ld.so"]
    assert (fields["event_type"], fields["SYSCALL"], fields["syscall"]) == (
        "execve",
        "execve",
        "59",
    )
    assert (fields["time"], fields["serial"], fields["cwd"]) == ("1.5", "7", "/root")
    assert fields["UID"] == "root"
    assert not fields.keys() & {"auid", "AUID", "key", "host"}


def test_arguments_are_words_and_long_ones_are_joined() -> None:
    fields = read(EXEC)
    assert fields["command_line"] == "sh -c ls a b"
    assert (fields["a0"], fields["a1"], fields["a2[0]"]) == ("sh", "-c", "ls a")


def test_arguments_of_other_calls_stay_numbers() -> None:
    fields = read("type=SYSCALL msg=audit(1.5:7): arch=c00000b7 syscall=92 a0=40000 exe=2F612062")
    assert (fields["SYSCALL"], fields["a0"], fields["exe"]) == ("personality", "40000", "/a b")


def test_one_line_may_hold_several_records() -> None:
    assert read(EXEC.replace("\n", " "))["command_line"] == "sh -c ls a b"


def test_another_event_on_the_line_is_not_mixed_in() -> None:
    fields = read('type=CWD msg=audit(1.5:7): cwd="/" type=CWD msg=audit(1.5:8): cwd="/x"')
    assert fields["type"] == "CWD"
    assert fields["serial"] == "7"


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("", None),
        ("  ", None),
        ("node=db02 ", "db02"),
        ("Nov 23 07:00:00 web07 audispd: ", "web07"),
        ("<13>2025-11-23T07:00:00Z web07 kernel: audit: ", "web07"),
    ],
)
def test_a_header_names_the_host(header: str, host: str | None) -> None:
    assert read(f"{header}type=USER_CMD msg=audit(1.5:7): pid=1").get("host") == host


def test_what_a_program_logs_of_strangers_is_no_record() -> None:
    forged = "type=USER_LOGIN msg=audit(1.5:7): res=success"
    assert auditd(f"Nov 23 07:00:00 h sshd[1]: Invalid user {forged} from 10.0.0.1") is None
    assert auditd(f"Failed password for invalid user {forged} from 10.0.0.1") is None
    assert auditd(f"Nov 23 07:00:00 h kernel: [ 17.5] audit: {forged}") is not None


def test_the_message_of_a_program_is_read() -> None:
    fields = read(
        "type=USER_LOGIN msg=audit(1.5:7): pid=9 uid=0 msg='op=adding user id=1001 acct=28612062"
        ' exe="/usr/sbin/sshd" hostname=? addr=10.0.0.1 terminal=ssh res=failed\'UID="root"'
    )
    assert fields["op"] == "adding user"
    assert (fields["id"], fields["acct"], fields["addr"]) == ("1001", "(a b", "10.0.0.1")
    assert (fields["pid"], fields["res"], fields["UID"]) == ("9", "failed", "root")
    assert "hostname" not in fields


def test_a_message_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    fields = read("type=ACCT_LOCK msg=audit(1.5:7): msg='op=locked-password exe=\"/bin/pass")
    assert (fields["op"], fields["exe"]) == ("locked-password", "/bin/pass")


def test_old_messages_with_brackets_are_read() -> None:
    fields = read(
        'type=USER_AUTH msg=audit(1.5:7): user pid=1 msg=\'op=PAM:x acct="snap"'
        " (hostname=?, addr=10.0.0.1, terminal=pts/0 res=failed)'"
    )
    assert (fields["addr"], fields["terminal"], fields["res"]) == ("10.0.0.1", "pts/0", "failed")


@pytest.mark.parametrize(
    ("paths", "target", "kind"),
    [
        ([("/tmp/", "PARENT"), ("x", "CREATE")], "/srv/x", "CREATE"),
        ([("/a", "DELETE"), ("/b", "CREATE")], "/b", "CREATE"),
        ([("/etc/passwd", "NORMAL")], "/etc/passwd", "NORMAL"),
    ],
)
def test_what_an_event_is_about(paths: list[tuple[str, str]], target: str, kind: str) -> None:
    lines = ['type=CWD msg=audit(1.5:7): cwd="/srv"']
    lines += [f'type=PATH msg=audit(1.5:7): name="{n}" nametype={k}' for n, k in paths]
    fields = read("\n".join(lines))
    assert (fields["target_path"], fields["target_nametype"]) == (target, kind)


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("saddr=0200115CC63364050000000000000000", ("198.51.100.5", "4444")),
        (
            "saddr=0A0001BB0000000020010DB8000000000000000000000001" + "0" * 8,
            ("2001:db8::1", "443"),
        ),
        ("saddr=01002F72756E", (None, None)),
        ("SADDR={ saddr_fam=inet laddr=10.0.0.1 lport=22 }", ("10.0.0.1", "22")),
    ],
)
def test_socket_addresses(address: str, wanted: tuple[str | None, str | None]) -> None:
    fields = read(f"type=SOCKADDR msg=audit(1.5:7): {address}")
    assert (fields.get("remote_ip"), fields.get("remote_port")) == wanted


def test_what_a_denial_was_about() -> None:
    fields = read("type=1400 audit(1.5:7): avc:  denied  { read write } for  pid=1")
    assert (fields["type"], fields["event_type"]) == ("AVC", "AVC")
    assert (fields["seresult"], fields["seperms"]) == ("denied", "read write")


@pytest.mark.parametrize("text", ["", "type=SYSCALL", "audit(1.5:7):", '{"type": "SYSCALL"}'])
def test_other_text_is_not_taken(text: str) -> None:
    assert auditd(text) is None


WORDS = "type=EXECVE_msg=audit(1.5:7):_a0=_\"_'_msg='_41_saddr=0200_avc:_{_}_op=_=_name="
PIECES = st.lists(
    st.sampled_from(
        [*WORDS.split("_"), "\n", " ", "\x1d", "\x00", "é", "type=PATH msg=audit(1.5:7): "]
    ),
    max_size=60,
).map("".join)


@given(PIECES | st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    start = "type=EXECVE msg=audit(1.5:7): "
    for found in (auditd(text), auditd(start + text), auditd(text + start)):
        assert found is None or all(type(v) in (str, list) for v in found.values())


@pytest.mark.parametrize(
    "piece", ["a0=1 ", "type=X msg=audit(1.5:7): ", "op=a b ", "'", '"', "a=", " "]
)
def test_long_records_cost_time_in_proportion(piece: str) -> None:
    text = "type=EXECVE msg=audit(1.5:7): msg='" + piece * (8_000_000 // len(piece))
    began = time.process_time()
    auditd(text)
    assert time.process_time() - began < 2


def test_an_unknown_call_has_no_name() -> None:
    assert syscall_name("c000003e", "9999") == ""
    assert syscall_name("c000003e", "openat") == "openat"
    assert syscall_name("x86_64", "59") == syscall_name("aarch64", "221") == "execve"
