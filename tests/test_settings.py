from pathlib import Path

import msgspec
import pytest

from tocsin.errors import SettingsError
from tocsin.settings import FilesInput, HttpInput, Secret, Settings, catalog, find_site, load


def site(folder: Path, text: str) -> Path:
    (folder / "tocsin.toml").write_text(text)
    return folder


def test_defaults_need_no_file() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.http.port == 8870


def test_the_file_then_the_environment(tmp_path: Path) -> None:
    text = 'site = "north"\n[http]\nport = 1\nhost = "::1"\n[[input]]\npath = "/var/log/*.json"\n'
    settings = load(site(tmp_path, text), {"TOCSIN_HTTP__PORT": "9000", "PATH": "/bin"})
    assert settings.site == "north"
    assert settings.http.port == 9000
    assert settings.http.host == "::1"
    assert settings.input == (FilesInput(path="/var/log/*.json"),)


def test_a_list_in_the_environment_is_json() -> None:
    settings = load(None, {"TOCSIN_INPUT": '[{"path": "a.json", "follow": false}]'})
    assert settings.input == (FilesInput(path="a.json", follow=False),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sit = 'x'\n", "unknown setting sit; is site meant?"),
        ("[http]\nprot = 1\n", "unknown setting http.prot; is http.port meant?"),
        ("[[input]]\npath = 'a'\nfolow = true\n", "unknown setting input.folow"),
        ("[http]\nport = 70000\n", "http.port: "),
        ("[http]\nport = 'many'\n", "http.port: "),
        ("http = 3\n", "http: "),
        ("[[input]]\nfollow = true\n", "input[0]: "),
        ("[[input]]\nkind = 'htp'\n", "input.kind: no 'htp'; is http meant?"),
        ("[[input]]\nkind = 'http'\nlissten = 'a'\n", "input.lissten; is input.listen meant?"),
        (
            "[[input]]\nkind = 'http'\n[[input.tokens]]\nnam = 'a'\n",
            "input.tokens.nam; is input.tokens.name meant?",
        ),
        (
            "[[input]]\nkind = 'http'\n[[input.tokens]]\nname = 'a'\nsecret = 'hunter2'\n",
            "input[0].tokens[0].secret: a secret is a reference",
        ),
        ("site = 'North Wing'\n", "site: "),
        ("site = \n", "line 1"),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(site(tmp_path, text), {})
    assert str(tmp_path / "tocsin.toml") in str(caught.value)
    assert says in str(caught.value)


def test_a_kind_of_input_has_its_own_keys(tmp_path: Path) -> None:
    text = """
    [[input]]
    kind = "http"
    [[input.tokens]]
    name = "forwarder"
    secret = "env:HEC_TOKEN"
    [[input]]
    path = "logs"
    """
    http, files = load(site(tmp_path, text), {}).input
    assert isinstance(http, HttpInput)
    assert http.tokens[0].secret.reference() == ("env", "HEC_TOKEN")
    assert files == FilesInput(path="logs")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TOCSIN_HTTP__PROT", "1", "is http.port meant?"),
        ("TOCSIN_HTTP__PORT", "70000", "http.port"),
        ("TOCSIN_INPUT", "[{", "not JSON"),
        ("TOCSIN_SIT", "x", "is site meant?"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, {name: value})
    assert str(caught.value).startswith(name)
    assert says in str(caught.value)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tocsin init"):
        load(tmp_path, {})


def test_variables_for_other_uses_are_no_settings() -> None:
    names = {"TOCSIN_HOME": "x", "TOCSIN_DATA": "y", "TOCSIN_CRASH_AT": "z"}
    assert load(None, names) == Settings()


def test_the_site_folder_is_found(tmp_path: Path) -> None:
    assert find_site(tmp_path, {}) is None
    (tmp_path / "soc").mkdir()
    site(tmp_path / "soc", "")
    assert find_site(tmp_path, {}) == tmp_path / "soc"
    site(tmp_path, "")
    assert find_site(tmp_path, {}) == tmp_path
    assert find_site(tmp_path, {"TOCSIN_HOME": "/else"}) == Path("/else")


def test_the_tree_is_frozen() -> None:
    with pytest.raises(AttributeError):
        load(None, {}).http.port = 1  # type: ignore[misc]  # that is the point


def test_every_setting_is_used(repo: Path) -> None:
    files = [path for path in (repo / "src").rglob("*.py") if path.parent.name != "settings"]
    code = "".join(path.read_text() for path in files)
    unused = [e.key for e in catalog() if e.key != "kind" and f".{e.key}" not in code]
    assert unused == []


class Holder(msgspec.Struct):
    token: Secret


def test_a_secret_is_never_shown_nor_serialized() -> None:
    secret = Secret("env:TOKEN_NAME")
    assert secret.reference() == ("env", "TOKEN_NAME")
    assert "TOKEN_NAME" not in f"{secret} {secret!r} {Holder(secret)!r}"
    with pytest.raises(TypeError):
        msgspec.json.encode(Holder(secret))


@pytest.mark.parametrize("text", ["hunter2", "env:", "vault:x", ""])
def test_a_secret_is_only_a_reference(text: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        Secret(text)
