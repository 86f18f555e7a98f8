"""Context from real directories: OpenLDAP and a Samba Active Directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.directories import LDAP_BASE, PASSWORD, ldap_person, samba, slapd

from tocsin.app.context import index_of
from tocsin.app.site import open_site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PEOPLE = 1_200
"""More than a page, and more than slapd gives at once to who does not page."""


def site_with(folder: Path, *lines: str) -> Path:
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "tocsin.toml").write_text("\n".join(["[[directory]]", *lines, ""]))
    return site


def tocsin(site: Path, *words: str, within: tuple[str, ...] = ()):
    command = [*within, sys.executable, "-m", "tocsin", *words, "--site", site]
    environment = {**os.environ, "LDAP_PASSWORD": PASSWORD}
    return subprocess.run(command, capture_output=True, check=False, env=environment)


def test_openldap_page_by_page_with_who_left(tmp_path):
    people = "".join(ldap_person(f"user{n:04}", f"unit {n % 7}", n) for n in range(PEOPLE))
    with slapd(tmp_path / "one", people) as url:
        lines = [
            f'url = "{url}"', f'base = "{LDAP_BASE}"', f'user = "cn=admin,{LDAP_BASE}"',
            'password = "env:LDAP_PASSWORD"', 'tls = "none"', 'unit = "departmentNumber"',
            'domain = "CORP"',
        ]  # fmt: skip
        site = site_with(tmp_path, *lines)
        done = tocsin(site, "context", "ldap")
        assert done.returncode == 0, done.stderr.decode()
        entries = index_of(open_site(site)).shelf.head.kinds["identity"][1]
        assert entries == PEOPLE
    index = index_of(open_site(site))
    now = 1 << 60  # the entries are as old as the test
    found = index.identity("CORP\\user0008", now)
    assert (found.body.unit, found.body.role) == ("unit 1", "role 8")
    assert index.identity("user0008@corp.test", now).records == found.records


def test_openldap_refuses_a_wrong_password(tmp_path):
    with slapd(tmp_path / "one", ldap_person("anna", "Sales", 1)) as url:
        (tmp_path / "wrong").write_text("nonsense\n")
        site = site_with(
            tmp_path, f'url = "{url}"', f'base = "{LDAP_BASE}"', f'user = "cn=admin,{LDAP_BASE}"',
            f'password = "file:{tmp_path}/wrong"', 'tls = "none"',
        )  # fmt: skip
        done = tocsin(site, "context", "ldap")
        assert done.returncode == 2
        assert b"invalidCredentials" in done.stderr
        assert b"nonsense" not in done.stderr + done.stdout


def test_samba_people_machines_and_leavers_over_tls(tmp_path):
    with samba(tmp_path) as domain:
        for name, department in (("anna", "Finance"), ("bob", "Sales"), ("carl", "Sales")):
            domain.tool(
                "user", "create", name, PASSWORD, f"--department={department}",
                f"--mail-address={name}@corp.test", "--job-title=controller",
            )  # fmt: skip
        domain.tool("user", "disable", "bob")
        domain.tool("computer", "create", "fs01")
        domain.tool("group", "addmembers", "Domain Admins", "carl")
        ca = domain.folder / "dc/private/tls/ca.pem"
        (domain.folder / "hosts").write_text("127.0.0.1 dc1.corp.test\n")
        site = site_with(
            tmp_path, 'url = "ldaps://dc1.corp.test"', 'base = "DC=corp,DC=test"',
            'user = "Administrator@corp.test"', 'password = "env:LDAP_PASSWORD"', f'ca = "{ca}"',
        )  # fmt: skip
        netns = Path("/etc/netns") / domain.space
        netns.mkdir(parents=True)
        try:
            (netns / "hosts").write_text("127.0.0.1 localhost dc1.corp.test\n")
            inside = ("ip", "netns", "exec", domain.space)
            done = tocsin(site, "context", "ldap", within=inside)
            assert done.returncode == 0, done.stderr.decode()
            index = index_of(open_site(site))
            now = 1 << 60
            anna = index.identity("CORP\\anna", now)
            assert anna.body.unit == "Finance"
            assert {one.kind for one in anna.body.identifiers} >= {"sid", "directory", "account"}
            assert index.identity("anna@corp.test", now).records == anna.records
            sid = next(one.value for one in anna.body.identifiers if one.kind == "sid")
            assert sid.startswith("s-1-5-21-")
            assert index.identity(sid, now).records == anna.records
            assert index.identity("CORP\\bob", now).body.enabled is False
            assert "Domain Admins" in index.identity("CORP\\carl", now).body.groups
            assert index.asset("DC1$", now).body.retired is False
            assert index.asset("fs01", now).body.retired is True  # made, and not yet enabled
            domain.tool("user", "delete", "anna")
            assert tocsin(site, "context", "ldap", within=inside).returncode == 0
            gone = index_of(open_site(site)).identity("CORP\\anna", now)
            assert (gone.former is not None, gone.body.unit) == (True, "Finance")
        finally:
            (netns / "hosts").unlink(missing_ok=True)
            netns.rmdir()
