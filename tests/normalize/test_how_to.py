"""The source that the how-to page builds is a real one."""

import re
from pathlib import Path

import orjson

from tocsin.model.content import ContentFile, ContentSet
from tocsin.normalize import accept_sources, check_sources
from tocsin.normalize.converters import CONVERTERS


def shown(repo: Path, language: str) -> list[str]:
    page = (repo / "docs" / "how-to" / "add-a-source.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_the_source_of_the_page_passes_its_check(repo: Path) -> None:
    source, mapping = shown(repo, "yaml")
    (sample,) = shown(repo, "json")
    files = {
        "source.yaml": source.encode(),
        "mapping.yaml": mapping.encode(),
        "samples/doors.ndjson": sample.encode(),
    }
    content = [
        ContentFile(f"sources/gatehouse/{name}", data, "site") for name, data in files.items()
    ]
    for path, data in accept_sources(ContentSet.of(content)).items():
        content.append(ContentFile(path, data, "site"))
    assert check_sources(ContentSet.of(content)) == []
    outcome = orjson.loads(content[-1].data)
    assert outcome["class"] == "authentication"
    assert outcome["event"]["user"] == {"name": "m.keller", "uid": "40118"}
    assert outcome["event"]["status"] == "Success"
    assert outcome["event"]["time"] == 1_772_439_250_000


def test_every_converter_is_in_the_reference(repo: Path) -> None:
    page = (repo / "docs" / "reference" / "mapping-language.md").read_text()
    table = page.partition("### Converters")[2].partition("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = set(re.findall(r"`(\w+)`", " ".join(rows))) - {"as"}
    assert documented == set(CONVERTERS)
