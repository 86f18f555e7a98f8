"""tools/setup, as far as it can be tried without making an environment."""

import hashlib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def setup(repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    loader = SourceFileLoader("tocsin_setup", str(repo / "tools/setup"))
    spec = spec_from_loader("tocsin_setup", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / "venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / "venv/bin/python")
    monkeypatch.setattr(module, "STAMP", tmp_path / "venv/stamp")
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    return module


def index(folder: Path, wheel: str, data: bytes) -> str:
    """A package index as a folder: a page of links, and the wheel."""
    (folder / "pip").mkdir()
    (folder / "pip" / wheel).write_bytes(data)
    page = f'<a href="../pip/{wheel}#sha256=0">{wheel}</a>'
    (folder / "pip/index.html").write_text(page)
    return folder.as_uri()


def test_a_wheel_with_another_hash_is_never_run(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = index(tmp_path, setup.PIP_WHEEL, b"not the wheel")
    pages = {f"{address}/pip/": (tmp_path / "pip/index.html").read_bytes()}
    fetch = setup.fetch
    monkeypatch.setattr(setup, "fetch", lambda at: pages.get(at) or fetch(at))
    monkeypatch.setenv("PIP_INDEX_URL", address)
    with pytest.raises(setup.NoWay, match="SHA-256"):
        setup.with_pip_wheel()
    assert not setup.VENV.exists()


def test_an_index_without_the_wheel_is_no_way(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", tmp_path.as_uri())
    assert setup.with_pip_wheel() is None
    monkeypatch.setenv("PIP_INDEX_URL", "ftp://somewhere")
    assert setup.with_pip_wheel() is None
    monkeypatch.delenv("PIP_INDEX_URL")
    assert setup.with_pip_wheel() is None


def test_without_any_way_a_person_is_told_what_helps(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for way in ("with_ensurepip", "with_system_pip", "with_uv", "with_apt", "with_pip_wheel"):
        monkeypatch.setattr(setup, way, lambda: None)
    with pytest.raises(setup.NoWay, match="python3-venv"):
        setup.first_installer()


def test_nothing_is_done_when_nothing_changed(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (setup.VENV / "bin").mkdir(parents=True)
    (setup.VENV / "bin/tocsin").touch()
    setup.STAMP.write_text(setup.fingerprint())
    monkeypatch.setattr(setup, "first_installer", lambda: pytest.fail("set up again"))
    assert setup.main() == 0


def test_a_changed_lock_sets_up_again(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = setup.fingerprint()
    other = tmp_path / "other.lock"
    other.write_text("one==1")
    monkeypatch.setattr(setup, "DECIDES", (*setup.DECIDES[1:], other))
    assert setup.fingerprint() != before


def test_pip_settings_reach_uv(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"index-url": "https://mirror.example/simple", "cert": "/ca.pem"}
    monkeypatch.setattr(setup, "pip_settings", lambda: found)
    monkeypatch.setenv("SSL_CERT_FILE", "/mine.pem")
    env = setup.environment()
    assert env["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert env["SSL_CERT_FILE"] == "/mine.pem"
    assert env["UV_SYSTEM_CERTS"] == "1"


def test_the_pinned_hash_is_a_sha256(setup: ModuleType) -> None:
    assert len(setup.PIP_SHA256) == len(hashlib.sha256().hexdigest())
    assert int(setup.PIP_SHA256, 16) > 0
