"""Facts for tests: a few words make a record."""

from tocsin.model.context import (
    ALWAYS,
    FOREVER,
    Asset,
    Fact,
    Identifier,
    Identity,
)

DAY = 86_400_000_000


def ids(*texts: str) -> tuple[Identifier, ...]:
    """`kind:value` each."""
    return tuple(Identifier(*text.split(":", 1)) for text in texts)


def fact(body, *, feed="feed", key="1", since=ALWAYS, until=FOREVER, importer="csv"):
    """Something that holds, if nothing else is said, always."""
    return Fact(feed, importer, key, since, until, 1, body)


def person(*names, feed="hr", key="1", since=ALWAYS, until=FOREVER, importer="csv", **fields):
    body = Identity(ids(*names), **fields)
    return fact(body, feed=feed, key=key, since=since, until=until, importer=importer)


def machine(*names, feed="cmdb", key="1", since=ALWAYS, until=FOREVER, importer="cmdb", **fields):
    body = Asset(ids(*names), **fields)
    return fact(body, feed=feed, key=key, since=since, until=until, importer=importer)
