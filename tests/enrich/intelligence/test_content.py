"""Feeds, decay and warning lists as content declares them."""

import json

import pytest

from tocsin.content import load
from tocsin.enrich.intelligence.content import declared
from tocsin.errors import ContentError
from tocsin.model.content import ContentFile
from tocsin.model.intelligence import DAY

FEED = "id: acme\nkind: taxii\nurl: https://t.example/taxii2/\n"
LIST = {"name": "L", "type": "cidr", "list": ["1.1.1.0/24"], "matching_attributes": ["ip-src"]}


def file(path, data):
    body = data if isinstance(data, str) else json.dumps(data)
    return ContentFile(f"intelligence/{path}", body.encode(), "site")


def read(*files):
    return declared([file(*one) for one in files])


def test_a_feed_says_how_it_is_asked():
    text = FEED + "every: 30s\nexpected_every: 2d\nconfidence: High\ntlp: AMBER\ntoken: env:T\n"
    [feed] = read(("feeds/a.yaml", text)).feeds
    assert (feed.every, feed.expected_every, feed.confidence) == (30, 172_800, 85)
    assert (feed.title, feed.where) == ("acme", "site/intelligence/feeds/a.yaml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id: acme\nkind: taxii\n", "needs the `url`"),
        ("id: acme\nkind: files\n", "needs a `path`"),
        (FEED + "password: env:P\n", "needs a `user`"),
        (FEED + "token: plain-secret\n", "a reference"),
        (FEED + "tlp: purple\n", "no level of TLP"),
        (FEED + "every: often\n", "no duration"),
        (FEED + "confidence: sure\n", "neither 0 to 100"),
        (FEED + "colour: red\n", "colour"),
        ("id: A B\nkind: kev\npath: x\n", "id"),
    ],
)
def test_a_wrong_feed_is_refused_with_its_place(text, reason):
    with pytest.raises(ContentError, match=r"feeds/a\.yaml") as caught:
        read(("feeds/a.yaml", text))
    assert reason in str(caught.value)


def test_two_feeds_of_one_id_are_refused():
    with pytest.raises(ContentError, match=r"is in site/intelligence/feeds/a\.yaml"):
        read(("feeds/a.yaml", FEED), ("feeds/b.yaml", FEED))


def test_decay_is_read_by_kind():
    decay = read(("decay.yaml", "half_life_days: {address: 7}\nfloor: 20\n")).decay
    assert (decay.half_lives, decay.floor) == ({"address": 7 * DAY}, 20)
    with pytest.raises(ContentError, match="no kind of observable: adress"):
        read(("decay.yaml", "half_life_days: {adress: 7}\n"))


@pytest.mark.parametrize(
    ("changed", "effect"),
    [
        ({}, "lower"),
        ({"list": ["10.0.0.0/8", "fc00::/7"]}, "suppress"),
        ({"type": "string", "list": ["a" * 32], "matching_attributes": ["md5"]}, "suppress"),
        ({"type": "string", "list": ["a.example"], "matching_attributes": ["domain"]}, "lower"),
    ],
)
def test_what_a_list_does_when_the_site_says_nothing(changed, effect):
    [one] = read(("warninglists/l/list.json", LIST | changed)).lists
    assert one.effect == effect


def test_the_site_decides_by_name():
    policy = ("warninglists.yaml", "lists: {L: suppress, M: ignore}\n")
    lists = read(
        policy, ("warninglists/l.json", LIST), ("warninglists/m.json", LIST | {"name": "M"})
    )
    assert [(one.name, one.effect) for one in lists.lists] == [("L", "suppress")]


@pytest.mark.parametrize("body", ["no json", '{"name": "L"}', "[" * 100, '{"type": "odd"}'])
def test_what_is_no_list_is_refused(body):
    with pytest.raises(ContentError, match=r"warninglists/l\.json"):
        read(("warninglists/l.json", body))


def test_what_ships_can_be_used():
    found = declared(load(None).files)
    assert found.decay.half_lives["hash"] > found.decay.half_lives["address"]
    assert [one.effect for one in found.lists] == ["suppress"]


@pytest.mark.data
def test_the_public_lists_are_read_and_do_what_they_should(shared_data):
    import tarfile

    from tocsin.detect.indicators import KnownValues

    files = []
    with tarfile.open(shared_data / "intel" / "misp_warninglists_small.tar.xz") as archive:
        for member in archive:
            if member.name.endswith("list.json"):
                data = archive.extractfile(member).read()
                files.append(ContentFile(f"intelligence/warninglists/{member.name}", data, "site"))
    lists = declared(files).lists
    assert len(lists) == 26
    known = KnownValues(lists)
    assert known.problems == []
    assert known.of("address", "10.1.2.3")[0].effect == "suppress"
    assert known.of("hash", "d41d8cd98f00b204e9800998ecf8427e")[0].effect == "suppress"
    assert {one.effect for one in known.of("address", "8.8.8.8")} == {"lower"}
    assert known.of("domain", "www.google.com")
    assert known.of("domain", "c2.evil.example") == ()
