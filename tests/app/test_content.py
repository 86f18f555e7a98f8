"""Who acted is what the kernel says, and wrong inputs are told before anything starts."""

import pytest

from tocsin.app import content, overview
from tocsin.app.site import open_site
from tocsin.content import init_site
from tocsin.errors import ContentError


@pytest.fixture
def as_user(monkeypatch):
    def become(uid):
        monkeypatch.setattr(content.os, "getuid", lambda: uid)

    return become


def test_the_environment_does_not_name_the_person(monkeypatch):
    before = content.person()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    assert content.person() == before != "mallory"


def test_an_account_without_a_name_is_its_number(as_user):
    as_user(3_999_999_999)
    assert content.person({"SUDO_UID": "7"}) == "uid:3999999999"


@pytest.mark.parametrize(
    ("said", "told"),
    [("1000", "root (via sudo by uid 1000)"), ("", "root"), ("0) or not", "root")],
)
def test_root_tells_who_called_sudo(as_user, said, told):
    as_user(0)
    assert content.person({"SUDO_UID": said}) == told


RULE = """\
title: Packer is started
id: 0d1c2b3a-0000-4000-8000-00000000000{0}
level: low
logsource: {{product: windows, category: process_creation}}
detection: {{sel: {{Image{1}: rar.exe}}, condition: sel}}
"""


def test_one_unusable_rule_does_not_keep_a_new_site_from_detecting(tmp_path):
    init_site(tmp_path / "soc")
    where = open_site(tmp_path / "soc", {})
    (tmp_path / "soc/rules/good.yml").write_text(RULE.format(1, ""))
    (tmp_path / "soc/rules/bad.yml").write_text(RULE.format(2, "|odd"))
    on_disk = content.disk_content(where)
    with pytest.raises(ContentError, match="unsupported"):
        content.apply(where, on_disk, "mira")
    assert not content.is_applied(where)
    [told] = content.put_first(where, on_disk, "tocsin up")
    assert told.where == "site/rules/bad.yml"
    states = {
        line.rule_id[-1]: line.state
        for line in overview.rules(where, None)
        if line.rule_id.startswith("0d1c2b3a")
    }
    assert states == {"1": "active", "2": "unsupported"}


def test_what_is_wrong_otherwise_keeps_the_first_content_out(tmp_path):
    init_site(tmp_path / "soc")
    where = open_site(tmp_path / "soc", {})
    (tmp_path / "soc/exceptions").mkdir(exist_ok=True)
    (tmp_path / "soc/exceptions/odd.yaml").write_text("title: nothing else\n")
    with pytest.raises(ContentError, match="`created:`"):
        content.put_first(where, content.disk_content(where), "tocsin up")
    assert not content.is_applied(where)


@pytest.fixture
def site(tmp_path):
    def make(*inputs):
        text = "".join(f"[[input]]\n{one}\n" for one in inputs)
        (tmp_path / "tocsin.toml").write_text(text)
        return open_site(tmp_path, {})

    return make


def test_an_input_of_an_unknown_source_is_an_error_that_lists_the_known(site, tmp_path):
    (tmp_path / "logs").mkdir()
    where = site('path = "logs"\nsource = "windows_sysmno"', 'path = "logs"\nsource = "ok"')
    [problem] = content.input_problems(where, ["windows_sysmon", "ok"])
    assert problem.severity == "error"
    assert problem.where.endswith("tocsin.toml")
    assert "windows_sysmno; there are: ok, windows_sysmon" in problem.message
    assert content.input_problems(where, None) == []


def test_an_input_where_nothing_is_yet_is_a_warning(site, tmp_path):
    (tmp_path / "logs").mkdir()
    where = site('path = "logs/*.json"', 'path = "absent"', 'path = "gone/*.json"')
    found = content.input_problems(where, [])
    assert [problem.severity for problem in found] == ["warning", "warning"]
    assert "absent" in found[0].message
    assert "gone" in found[1].message


def test_the_check_of_a_site_tells_wrong_inputs(site):
    where = site('path = "absent"\nsource = "no_such"')
    told = [problem.message for problem in content.problems_of(where)]
    assert any("no source no_such" in message for message in told)
    assert any("does not exist" in message for message in told)
