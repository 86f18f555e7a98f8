"""Linux machines: the kernel's audit records and the lines of syslog.

auditd's records are those of one event by their serial number: SYSCALL, EXECVE, CWD, PATH and
PROCTITLE for a program that starts, USER_* for who comes and goes. Syslog lines have the form that
rsyslog writes on Debian 12, with the time of RFC 3339.
"""

from dataclasses import dataclass, field

from tocsin.lab.hosts import Route
from tocsin.lab.people import Person
from tocsin.lab.stamps import iso_offset
from tocsin.lab.world import World
from tocsin.lab.write import Where

_UNSET = 4_294_967_295
_ROOT = 0


@dataclass(slots=True)
class Shell:
    """Somebody's session on a Linux machine. `uid` is the effective user now."""

    machine: "Machine"
    user: str
    auid: int
    uid: int
    session: int
    pid: int
    tty: str = "pts0"
    folder: str = ""


@dataclass(slots=True)
class Machine:
    """What a Linux machine counts: audit serials, process ids and sessions."""

    name: str
    address: str
    serial: int
    pid: int
    sessions: int
    uids: dict[str, int] = field(default_factory=dict)

    def next_pid(self) -> int:
        """A process id; they begin again at 300."""
        self.pid = self.pid + 1 if self.pid < 4_194_303 else 300  # noqa: PLR2004 (kernel.pid_max)
        return self.pid

    def uid(self, user: str) -> int:
        """The number of a user."""
        return self.uids.setdefault(user, 0 if user == "root" else 2_001 + len(self.uids))


def machine(world: World, name: str) -> Machine:
    """The Linux machine `name`."""
    found = world.machines.get(name)
    if found is None:
        draw = world.random_for(f"linux {name}")
        host = world.hosts[name]
        serial, pid = draw.randrange(10_000, 900_000), draw.randrange(2_000, 60_000)
        found = Machine(name, host.address, serial, pid, draw.randrange(20, 300))
        world.machines[name] = found
    return found


def _audit(world: World, where: Machine, records: list[tuple[str, str]]) -> None:
    """The records of one event, in one go."""
    if "linux" not in world.on:
        return
    at = world.stamp()
    where.serial += 1
    mark = f"audit({at // 1_000_000}.{at % 1_000_000 // 1_000:03d}:{where.serial})"
    for kind, text in records:
        line = f"type={kind} msg={mark}: {text}\n".encode()
        world.emit(f"{where.name}-audit.log", line, at, Where("linux", where.name, "audit", kind))


def syslog(world: World, where: Machine, program: str, text: str) -> None:
    """One line of the system's log."""
    if "linux" not in world.on:
        return
    at = world.stamp()
    stamp = iso_offset(at, world.enterprise.utc_offset)
    line = f"{stamp} {where.name} {program}: {text}\n".encode()
    name = program.partition("[")[0]
    world.emit(f"{where.name}-syslog.log", line, at, Where("linux", where.name, "syslog", name))


def _user_record(shell: Shell, op: str, exe: str, source: str) -> str:
    return (
        f"pid={shell.pid} uid=0 auid={shell.auid} ses={shell.session} subj=unconfined "
        f'msg=\'op={op} acct="{shell.user}" exe="{exe}" hostname={source} addr={source} '
        f"terminal=ssh res=success'"
    )


_SSHD = "/usr/sbin/sshd"
_PAM = "PAM:session_open grantors=pam_selinux,pam_loginuid,pam_keyinit,pam_unix"


def come(world: World, name: str, user: str, route: Route, *, key: bool = True) -> Shell:
    """`user` comes in over SSH by `route`, with a key or with a password."""
    where = machine(world, name)
    world.wire.ssh(route, good=True)
    pid, uid = where.next_pid(), where.uid(user)
    shell = Shell(where, user, _UNSET, uid, _UNSET, pid, folder=_home(user))
    method = "publickey" if key else "password"
    tail = f": ED25519 SHA256:{uid:06d}kVwq3Yl0uTg7pZbR5nXc1sHdJfEoMiAyWe2v" if key else ""
    syslog(
        world,
        where,
        f"sshd[{pid}]",
        f"Accepted {method} for {user} from {route.source} port {route.source_port} ssh2{tail}",
    )
    grant = "PAM:accounting grantors=pam_permit,pam_localuser"
    _audit(world, where, [("USER_ACCT", _user_record(shell, grant, _SSHD, route.source))])
    where.sessions += 1
    shell.auid, shell.session = uid, where.sessions
    login = f"pid={pid} uid=0 old-auid={_UNSET} auid={uid} tty=(none) old-ses={_UNSET}"
    _audit(world, where, [("LOGIN", f"{login} ses={shell.session} res=1")])
    _audit(world, where, [("USER_START", _user_record(shell, _PAM, _SSHD, route.source))])
    opened = f"pam_unix(sshd:session): session opened for user {user}(uid={uid}) by (uid=0)"
    syslog(world, where, f"sshd[{pid}]", opened)
    syslog(world, where, "systemd-logind[612]", f"New session {shell.session} of user {user}.")
    return shell


def refused(world: World, name: str, user: str, route: Route, *, known: bool) -> None:
    """A wrong password over SSH."""
    where = machine(world, name)
    world.wire.ssh(route, good=False)
    pid = where.next_pid()
    who = user if known else f"invalid user {user}"
    place = f"from {route.source} port {route.source_port}"
    if not known:
        syslog(world, where, f"sshd[{pid}]", f"Invalid user {user} {place}")
    failure = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser="
    user_is = f"  user={user}" if known else ""
    pam = f"pam_unix(sshd:auth): {failure} rhost={route.source}{user_is}"
    syslog(world, where, f"sshd[{pid}]", pam)
    syslog(world, where, f"sshd[{pid}]", f"Failed password for {who} {place} ssh2")
    text = (
        f"pid={pid} uid=0 auid={_UNSET} ses={_UNSET} subj=unconfined msg='op=PAM:authentication "
        f'grantors=? acct="{user if known else "(unknown)"}" exe="{_SSHD}" '
        f"hostname={route.source} addr={route.source} terminal=ssh res=failed'"
    )
    _audit(world, where, [("USER_AUTH", text)])


def leave(world: World, shell: Shell, route: Route) -> None:
    """A session ends."""
    where = shell.machine
    closed = f"pam_unix(sshd:session): session closed for user {shell.user}"
    syslog(world, where, f"sshd[{shell.pid}]", closed)
    end = "PAM:session_close grantors=pam_selinux,pam_loginuid,pam_keyinit,pam_unix"
    _audit(world, where, [("USER_END", _user_record(shell, end, _SSHD, route.source))])
    syslog(world, where, "systemd-logind[612]", f"Removed session {shell.session}.")


def execute(world: World, shell: Shell, command: str, exe: str = "") -> None:
    """A program is started: the kernel tells it in five records."""
    where = shell.machine
    words = command.split()
    exe = exe or (words[0] if words[0].startswith("/") else f"/usr/bin/{words[0]}")
    pid = where.next_pid()
    ids = " ".join(
        f"{name}={shell.uid}"
        for name in ("uid", "gid", "euid", "suid", "fsuid", "egid", "sgid", "fsgid")
    )
    call = (
        f"arch=c000003e syscall=59 success=yes exit=0 a0={pid * 4096:x} a1={pid * 4160:x} "
        f"a2={pid * 4224:x} a3=8 items=2 ppid={shell.pid} pid={pid} auid={shell.auid} {ids} "
        f'tty={shell.tty} ses={shell.session} comm="{exe.rpartition("/")[2][:15]}" exe="{exe}" '
        f'subj=unconfined key="exec"'
    )
    arguments = " ".join(f'a{i}="{word}"' for i, word in enumerate(words))
    file = (
        "dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 "
        "cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0"
    )
    title = "\0".join(words).encode().hex().upper()
    _audit(
        world,
        where,
        [
            ("SYSCALL", call),
            ("EXECVE", f"argc={len(words)} {arguments}"),
            ("CWD", f'cwd="{shell.folder or "/root"}"'),
            ("PATH", f'item=0 name="{exe}" inode={131_072 + sum(exe.encode())} {file}'),
            ("PATH", f'item=1 name="/lib64/ld-linux-x86-64.so.2" inode=262159 {file}'),
            ("PROCTITLE", f"proctitle={title}"),
        ],
    )


def as_root(world: World, shell: Shell, command: str, exe: str = "") -> None:
    """A command through sudo: syslog tells it, PAM opens a session, the kernel its programs."""
    where = shell.machine
    path = exe or f"/usr/bin/{command.split(maxsplit=1)[0]}"
    rest = command.partition(" ")[2]
    whole = f"{path} {rest}".strip()
    what = f"TTY=pts/0 ; PWD={shell.folder or '/root'} ; USER=root ; COMMAND={whole}"
    execute(world, shell, f"sudo {command}")
    syslog(world, where, "sudo", f"{shell.user:>8} : {what}")
    opened = f"session opened for user root(uid=0) by {shell.user}(uid={shell.uid})"
    syslog(world, where, "sudo", f"pam_unix(sudo:session): {opened}")
    before, shell.uid = shell.uid, _ROOT
    execute(world, shell, command, path)
    shell.uid = before
    syslog(world, where, "sudo", "pam_unix(sudo:session): session closed for user root")


def service(world: World, name: str, user: str) -> Shell:
    """A shell of a job that nobody logged on for."""
    where = machine(world, name)
    return Shell(where, user, _UNSET, where.uid(user), _UNSET, where.next_pid(), "(none)")


def cron(world: World, name: str, user: str, command: str) -> None:
    """A job of the table of recurring jobs."""
    shell = service(world, name, user)
    syslog(world, shell.machine, f"CRON[{shell.pid}]", f"({user}) CMD ({command})")
    execute(world, shell, command)


def account_of(person: Person) -> str:
    """The user name that a person has on Linux."""
    return person.account.name.replace(".", "")


def _home(user: str) -> str:
    return "/root" if user == "root" else f"/home/{user}"
