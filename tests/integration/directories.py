"""Real directories to read from: OpenLDAP's slapd, and a Samba Active Directory of its own."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "Correct-Horse-7"
LDAP_BASE = "dc=corp,dc=test"

SAMBA = "samba samba-ad-dc samba-ad-provision samba-dsdb-modules winbind python3-samba iproute2"

LDIF = """dn: dc=corp,dc=test
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: ou=people,dc=corp,dc=test
objectClass: organizationalUnit
ou: people

"""


def ldap_person(name: str, department: str, number: int) -> str:
    """An entry of a person in LDIF."""
    return (
        f"dn: uid={name},ou=people,{LDAP_BASE}\nobjectClass: inetOrgPerson\nuid: {name}\n"
        f"cn: {name.title()} Test\nsn: Test\nmail: {name}@corp.test\n"
        f"departmentNumber: {department}\ntitle: role {number}\n\n"
    )


@contextmanager
def slapd(folder: Path, people: str) -> Iterator[str]:
    """A slapd with these people; gives its URL."""
    program = shutil.which("slapd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/lib/openldap")
    schema = Path("/etc/ldap/schema")
    if program is None or not schema.is_dir():
        pytest.skip("no slapd here: apt-get install slapd ldap-utils")
    modules = next(
        (p for p in (Path("/usr/lib/ldap"), Path("/usr/lib/openldap")) if p.is_dir()), ""
    )
    (folder / "db").mkdir(parents=True)
    config = folder / "slapd.conf"
    config.write_text(
        "".join(f"include {schema}/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        + f"modulepath {modules}\nmoduleload back_mdb\npidfile {folder}/pid\n"
        f"database mdb\nsuffix {LDAP_BASE}\nrootdn cn=admin,{LDAP_BASE}\nrootpw {PASSWORD}\n"
        f"directory {folder}/db\nlimits * size=unlimited\nsizelimit 500\n"
    )
    (folder / "in.ldif").write_text(LDIF + people)
    add = ["slapadd", "-f", config, "-l", folder / "in.ldif"]
    path = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    subprocess.run(add, check=True, capture_output=True, env=path)
    port = free_port()
    url = f"ldap://127.0.0.1:{port}"
    server = subprocess.Popen([program, "-h", url, "-f", config, "-d", "0"])
    try:
        wait_for("127.0.0.1", port, server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def free_port() -> int:
    """A port of the loopback address that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(host: str, port: int, server: subprocess.Popen[bytes]) -> None:
    """Until somebody answers at the port."""
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nobody answers")


class Domain:
    """A Samba domain controller in a network namespace of its own."""

    def __init__(self, folder: Path, space: str) -> None:
        self.folder = folder
        self.space = space
        self.config = folder / "dc/etc/smb.conf"
        self.database = folder / "dc/private/sam.ldb"

    def tool(self, *words: str) -> None:
        """samba-tool on its database."""
        done = subprocess.run(
            ["samba-tool", *words, "-H", self.database, "-s", self.config],
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def inside(self, *command: str | Path, **more: object) -> subprocess.CompletedProcess[bytes]:
        """A command where the controller can be reached."""
        return subprocess.run(
            ["ip", "netns", "exec", self.space, *command], capture_output=True, check=False, **more
        )  # type: ignore[call-overload]  # what is given is passed on


@contextmanager
def samba(folder: Path) -> Iterator[Domain]:
    """A domain CORP (corp.test) that answers LDAPS at 127.0.0.1:636 of its namespace."""
    if os.geteuid() != 0 or any(shutil.which(one) is None for one in ("samba", "ip", "samba-tool")):
        pytest.skip(f"no Samba here, or not root: apt-get install {SAMBA}")
    space = f"tocsin-dc-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", space], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespace can be made: {made.stderr.decode().strip()}")
    domain = Domain(folder, space)
    server = None
    try:
        domain.inside("ip", "link", "set", "lo", "up")
        provision(domain)
        with (folder / "samba.log").open("wb") as log:
            server = subprocess.Popen(
                ["ip", "netns", "exec", space, "samba", "-s", domain.config, "-i"],
                stdout=log, stderr=log,
            )  # fmt: skip
        wait_inside(domain, server)
        yield domain
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=30)
        subprocess.run(["ip", "netns", "delete", space], check=False)


def provision(domain: Domain) -> None:
    """Make the domain's databases."""
    done = domain.inside(
        "samba-tool", "domain", "provision", "--realm=CORP.TEST", "--domain=CORP",
        "--server-role=dc", "--dns-backend=NONE", f"--adminpass={PASSWORD}",
        f"--targetdir={domain.folder / 'dc'}", "--option=interfaces=lo 127.0.0.1",
        "--option=bind interfaces only=yes",
        f"--option=pid directory={domain.folder}", f"--option=ncalrpc dir={domain.folder}/ncalrpc",
        "--host-name=dc1",
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"Samba cannot be provisioned here: {done.stderr.decode()[-300:]}")


def wait_inside(domain: Domain, server: subprocess.Popen[bytes]) -> None:
    """Until LDAPS answers in the namespace and its certificate is made."""
    code = "import socket; socket.create_connection(('127.0.0.1', 636), 2).close()"
    ca = domain.folder / "dc/private/tls/ca.pem"
    for _ in range(300):
        assert server.poll() is None, (domain.folder / "samba.log").read_text()[-2000:]
        if ca.exists() and not domain.inside("python3", "-c", code).returncode:
            return
        time.sleep(0.2)
    raise AssertionError("the controller does not answer")
