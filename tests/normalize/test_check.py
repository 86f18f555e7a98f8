import orjson
from tests.normalize.test_language import MAPPING, SOURCE

from tocsin.model.content import ContentFile, ContentSet
from tocsin.normalize import accept_sources, check_sources

GOOD = b'{"kind":"demo","what":"login","host":"h","user":"u","when":"2026-03-02 09:14:10"}\n'


def content(**files: bytes) -> ContentSet:
    texts = {"source.yaml": SOURCE.encode(), "mapping.yaml": MAPPING.encode()} | {
        name.replace("__", "/") + ".ndjson": data for name, data in files.items()
    }
    return ContentSet.of(
        ContentFile(f"sources/demo/{name}", data, "site") for name, data in texts.items()
    )


def problems(**files: bytes) -> list[str]:
    return [str(problem) for problem in check_sources(content(**files))]


def test_every_shipped_source_passes_its_own_samples(content: ContentSet) -> None:
    assert check_sources(content) == []
    assert accept_sources(content) == {}


def test_a_source_without_samples_is_not_finished() -> None:
    assert problems() == [
        "site/sources/demo/mapping.yaml: error: no samples: add samples/NAME.ndjson"
    ]


def test_accepted_events_make_the_check_pass() -> None:
    made = accept_sources(content(samples__a=GOOD))
    assert list(made) == ["sources/demo/expected/a.ndjson"]
    (data,) = made.values()
    outcome = orjson.loads(data)
    assert outcome["class"] == "authentication"
    assert outcome["event"]["user"] == {"name": "u"}
    assert "raw_data" not in outcome["event"]
    assert problems(samples__a=GOOD, expected__a=data) == []
    assert accept_sources(content(samples__a=GOOD, expected__a=data)) == {}


def test_a_change_of_an_event_is_named_at_its_path() -> None:
    (data,) = accept_sources(content(samples__a=GOOD)).values()
    wanted = data.replace(b'"name":"u"', b'"name":"someone"')
    place = "site/sources/demo/expected/a.ndjson:1: error: "
    fault = 'event.user.name: expected "someone", the mapping makes "u"'
    assert problems(samples__a=GOOD, expected__a=wanted) == [place + fault]


def test_samples_that_do_not_count_are_named_at_their_line() -> None:
    found = problems(samples__a=GOOD + b"{}\n", expected__a=b"1\n2\n")
    assert any(line.startswith("site/sources/demo/samples/a.ndjson:2: ") for line in found)
    found = problems(samples__a=GOOD, expected__a=b"not json\n")
    assert any("expected/a.ndjson:1: error: not JSON" in line for line in found)
    found = problems(samples__a=GOOD, expected__a=b"")
    assert any("0 events for 1 samples" in line for line in found)
    assert any("is missing: write the event" in line for line in problems(samples__a=GOOD))


def test_what_does_not_compile_is_reported_and_not_accepted() -> None:
    broken = ContentSet.of([ContentFile("sources/demo/source.yaml", b"id: [", "site")])
    assert len(check_sources(broken)) == 1
    assert accept_sources(broken) == {}
