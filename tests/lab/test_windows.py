from tocsin.lab import windows
from tocsin.lab.windows import Kind

KINDS = {name: kind for name, kind in vars(windows).items() if isinstance(kind, Kind)}


def test_headers_agree_with_their_kind() -> None:
    assert len(KINDS) > 30
    for kind in KINDS.values():
        assert kind.header["Channel"] == kind.channel
        assert kind.header["EventID"] == kind.event_id
        assert kind.header["SourceName"]


def test_no_kind_is_written_twice() -> None:
    assert len({(kind.channel, kind.event_id) for kind in KINDS.values()}) == len(KINDS)


def test_one_file_name_per_channel() -> None:
    assert len({(kind.channel, kind.slug) for kind in KINDS.values()}) == len(
        {kind.channel for kind in KINDS.values()}
    )


def test_only_failures_are_audit_failures() -> None:
    failures = [name for name, kind in KINDS.items() if "FAILURE" in kind.header["EventType"]]
    assert failures == ["LOGON_FAILED", "PREAUTH_FAILED"]
