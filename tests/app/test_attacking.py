"""Releases of a site: loaded whole or not at all, kept beside each other, one in use."""

import gzip
import io
import json
import zipfile

import pytest
from tests.enrich.bundles import OBJECTS, bundle, collection, technique

from tocsin.app import attacking
from tocsin.app.site import open_site
from tocsin.content import init_site
from tocsin.errors import ContentError, InputError, StorageError, UsageError
from tocsin.model.attack import LabelState


@pytest.fixture
def site(tmp_path):
    init_site(tmp_path / "soc")
    return open_site(tmp_path / "soc", {})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "enterprise-attack.json"
    path.write_bytes(bundle())
    return path


class At:
    def __init__(self, now):
        self._now = now

    def now(self):
        return self._now


def test_without_a_release_nothing_is_made_and_nothing_is_checked(site):
    assert attacking.shelf(site).current() is None
    assert attacking.shelf(site).all() == []
    assert attacking.labels_of(site).judge("T1059").state is LabelState.UNCHECKED
    assert not attacking.shelf(site).folder.exists()


def test_a_release_is_kept_with_where_it_came_from(site, file):
    stored, problems = attacking.load_bundle(site, file, At(17))
    assert problems == []
    assert attacking.shelf(site).current() == stored
    assert (stored.loaded_at, stored.source) == (17, str(file))
    assert attacking.labels_of(site).judge("T1086").state is LabelState.RENAMED
    assert attacking.labels_of(site).judge("stealth").others == ("defense-evasion",)
    assert [path.name for path in attacking.shelf(site).folder.glob(".*")] == []


def test_loading_the_same_again_keeps_one(site, file):
    attacking.load_bundle(site, file, At(1))
    file.write_bytes(bundle(OBJECTS[::-1], id="other"))
    attacking.load_bundle(site, file, At(2))
    (one,) = attacking.shelf(site).all()
    assert one.loaded_at == 2


def test_several_releases_stand_beside_each_other(site, file):
    old, _ = attacking.load_bundle(site, file)
    later = technique("T1602", "New", "execution") | {"modified": "2026-04-01T00:00:00Z"}
    file.write_bytes(bundle([*OBJECTS, later, collection("19.0")]))
    new, _ = attacking.load_bundle(site, file)
    assert [one.release.version for one in attacking.shelf(site).all()] == ["19.0", ""]
    assert attacking.labels_of(site).judge("T1602").state is LabelState.CURRENT
    attacking.shelf(site).use(attacking.pick(site, old.release_id[:5]).release_id)
    assert attacking.labels_of(site).judge("T1602").state is LabelState.NEWER
    assert attacking.pick(site, "19.0") == new
    for nothing in ("zz", "19"):
        with pytest.raises(UsageError, match="no release begins"):
            attacking.pick(site, nothing)
    with pytest.raises(UsageError, match="several releases"):
        attacking.pick(site, "")


def test_without_a_site_the_account_s_releases_count(file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.chdir(tmp_path)
    attacking.load_bundle(open_site(None, {}), file)
    assert (tmp_path / "share/tocsin/attack/current").is_file()


def packed(kind, data):
    if kind == "gz":
        return gzip.compress(data)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("enterprise-attack.json", data)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_packed_bundle_is_read(kind, site, file):
    file.write_bytes(packed(kind, bundle()))
    stored, _ = attacking.load_bundle(site, file)
    assert stored.release.order[0] == "initial-access"


def test_a_file_that_is_no_bundle_changes_nothing(site, file, tmp_path, monkeypatch):
    kept, _ = attacking.load_bundle(site, file)
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.json", bundle())
        archive.writestr("b.json", bundle())
    whole = gzip.compress(bundle())
    wrong = [
        (b"", UsageError),
        (b"{", ContentError),
        (two.getvalue(), UsageError),
        (whole[:-20], InputError),
        (gzip.compress(b"\0" * 40_000_000), InputError),
    ]
    for data, kind in wrong:
        file.write_bytes(data)
        with pytest.raises(kind):
            attacking.load_bundle(site, file)
    monkeypatch.setattr(attacking, "MAX_BYTES", 100)
    file.write_bytes(bundle())
    with pytest.raises(InputError, match="too-large"):
        attacking.load_bundle(site, file)
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError):
            attacking.load_bundle(site, path)
    assert attacking.shelf(site).current() == kept


def test_a_stored_release_that_was_changed_is_not_believed(site, file):
    stored, _ = attacking.load_bundle(site, file)
    path = attacking.shelf(site).folder / f"{stored.release_id}.release"
    whole = path.read_bytes()
    for damaged in (
        whole[:-1],
        b"",
        whole.replace(b"Running things", b"Running thinks"),
        whole.replace(b"\xa6format\x01", b"\xa6format\x02"),
    ):
        assert damaged != whole
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match="attack load"):
            attacking.labels_of(site)
    path.write_bytes(whole)
    (attacking.shelf(site).folder / "current").write_text("../../etc/passwd")
    with pytest.raises(StorageError, match="names no release"):
        attacking.shelf(site).current()


def test_a_full_disk_or_a_file_in_the_way_is_told(site, file):
    site.data.mkdir()
    (site.data / "attack").write_text("in the way")
    with pytest.raises(StorageError):
        attacking.load_bundle(site, file)


def test_rules_are_judged_and_noted(site, file, tmp_path):
    attacking.load_bundle(site, file)
    folder = tmp_path / "rules"
    folder.mkdir()
    for name, tags in {
        "good": ["attack.execution", "attack.t1059.001"],
        "old": ["attack.t1086"],
        "new": ["attack.stealth", "attack.t1601"],
        "bare": [],
    }.items():
        rule = {
            "title": name,
            "id": name,
            "tags": tags,
            "logsource": {"product": "windows"},
            "detection": {"a": {"b": "c"}, "condition": "a"},
        }
        (folder / f"{name}.yml").write_text(json.dumps(rule))
    rules = attacking.labelled_rules(site, folder, attacking.labels_of(site))
    assert {one.rule_id: one.worst for one in rules} == {
        "good": LabelState.CURRENT,
        "old": LabelState.RENAMED,
        "new": LabelState.NEWER,
    }
    (note,) = attacking.label_notes(rules)
    assert note.severity == "note"
    assert note.message == "T1086 is renamed: this release calls it T1059.001 Running shells"
    assert note.where.endswith("old.yml")


def test_a_release_has_a_title_whatever_it_says(site, file):
    stored, _ = attacking.load_bundle(site, file)
    assert attacking.release_title(stored.release) == "ATT&CK of 2025-05-03"
    file.write_bytes(bundle([*OBJECTS, collection("18.1")]))
    assert attacking.release_title(attacking.load_bundle(site, file)[0].release) == "ATT&CK 18.1"
