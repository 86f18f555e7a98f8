from pathlib import Path

import pytest

from tocsin.content import load
from tocsin.content.overlay import overlay
from tocsin.errors import ContentError
from tocsin.model.content import ContentFile


def file(path: str, text: str = "", layer: str = "shipped") -> ContentFile:
    return ContentFile(path, text.encode(), layer)


def put(root: Path, path: str, text: str = "x") -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


def paths(files: list[ContentFile]) -> list[tuple[str, str]]:
    return sorted((item.path, item.layer) for item in files)


def test_without_a_site_only_what_ships_is_there() -> None:
    content = load(None)
    assert {item.layer for item in content.files} == {"shipped"}
    assert content.files


def test_the_site_is_read_from_known_folders_only(tmp_path: Path) -> None:
    put(tmp_path, "rules/own/a.yaml")
    put(tmp_path, "sources/pump/source.yaml", "id: pump\n")
    put(tmp_path, "notes/secret.yaml")
    put(tmp_path, "tocsin.toml")
    put(tmp_path, "rules/.git/config")
    put(tmp_path, "rules/a.yaml~")
    own = [item.path for item in load(tmp_path).files if item.layer == "site"]
    assert own == ["rules/own/a.yaml", "sources/pump/source.yaml"]


def test_the_same_path_overrides() -> None:
    got = overlay([file("rules/a.yaml", "id: 1\n")], [file("rules/a.yaml", "id: 2\n", "site")])
    assert paths(got) == [("rules/a.yaml", "site")]


def test_the_same_rule_id_overrides_the_rule_and_its_tests() -> None:
    shipped = [
        file("rules/x/a.yaml", "title: A\nid: 11-22\n"),
        file("rules/x/a.tests.yaml"),
        file("rules/x/b.yaml", "id: 33\nrelated:\n  - id: 11-22\n"),
    ]
    got = overlay(shipped, [file("rules/mine.yaml", "id: '11-22'  # ours\n", "site")])
    assert paths(got) == [("rules/mine.yaml", "site"), ("rules/x/b.yaml", "shipped")]


def test_the_same_source_id_overrides_the_whole_source() -> None:
    shipped = [
        file("sources/win/source.yaml", "id: windows\n"),
        file("sources/win/samples/one.json"),
        file("sources/windows/source.yaml", "id: other\n"),
    ]
    got = overlay(shipped, [file("sources/ours/source.yaml", "id: windows\n", "site")])
    assert paths(got) == [
        ("sources/ours/source.yaml", "site"),
        ("sources/windows/source.yaml", "shipped"),
    ]


def test_one_file_of_a_source_can_be_overridden() -> None:
    shipped = [file("sources/win/source.yaml", "id: w\n"), file("sources/win/mapping.yaml", "1")]
    own = [file("sources/win/mapping.yaml", "2", "site")]
    assert paths(overlay(shipped, own)) == [
        ("sources/win/mapping.yaml", "site"),
        ("sources/win/source.yaml", "shipped"),
    ]


def test_the_id_of_the_set_follows_its_content(tmp_path: Path) -> None:
    before = load(tmp_path).content_id
    put(tmp_path, "rules/a.yaml", "one")
    middle = load(tmp_path).content_id
    put(tmp_path, "rules/a.yaml", "two")
    assert len({before, middle, load(tmp_path).content_id}) == 3
    put(tmp_path, "rules/a.yaml", "one")
    assert load(tmp_path).content_id == middle


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    outside = put(tmp_path, "outside.yaml")
    (tmp_path / "soc/rules").mkdir(parents=True)
    (tmp_path / "soc/rules/a.yaml").symlink_to(outside)
    with pytest.raises(ContentError, match=r"site/rules/a\.yaml.*leads out"):
        load(tmp_path / "soc")


@pytest.mark.parametrize("name", ["rules", "rules/more"])
def test_a_link_to_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "soc" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ContentError, match="link to a folder"):
        load(tmp_path / "soc")


def test_a_link_inside_is_read(tmp_path: Path) -> None:
    put(tmp_path, "rules/a.yaml", "same")
    (tmp_path / "rules/b.yaml").symlink_to("a.yaml")
    own = [item for item in load(tmp_path).files if item.layer == "site"]
    assert [item.data for item in own] == [b"same", b"same"]


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.content.overlay.MAX_FILE", 10)
    put(tmp_path, "rules/a.yaml", "x" * 11)
    with pytest.raises(ContentError, match="limit"):
        load(tmp_path)
    monkeypatch.setattr("tocsin.content.overlay.MAX_FILES", 1)
    put(tmp_path, "rules/a.yaml")
    put(tmp_path, "rules/b.yaml")
    with pytest.raises(ContentError, match="more than"):
        load(tmp_path)
