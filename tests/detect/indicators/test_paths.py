"""Which columns hold observables."""

import pytest

from tocsin.detect.indicators.paths import places_of
from tocsin.normalize import class_names, class_schema


def kinds_of(class_name):
    return {(place.name, place.kind, place.role) for place in places_of(class_schema(class_name))}


@pytest.mark.parametrize(
    ("class_name", "place"),
    [
        ("network_activity", ("dst_endpoint.ip", "address", "destination")),
        ("dns_activity", ("query.hostname", "any", "")),
        ("dns_activity", ("answers.rdata", "any", "")),
        ("http_activity", ("http_request.url.url_string", "url", "")),
        ("process_activity", ("process.cmd_line", "command-line", "")),
        ("process_activity", ("process.file.hashes.value", "hash", "")),
        ("email_activity", ("email.from", "email", "source")),
        ("authentication", ("user.name", "account", "")),
    ],
)
def test_places(class_name, place):
    assert place in kinds_of(class_name)


def test_what_a_record_says_of_its_own_machine_is_no_observable():
    for class_name in class_names():
        for name, _, _ in kinds_of(class_name):
            assert not name.startswith(("device.", "metadata.", "cloud.")), (class_name, name)
