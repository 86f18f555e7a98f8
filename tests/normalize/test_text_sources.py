"""Linux, Zeek and CEF on labelled data: each record by the right source, facts at their path."""

import gzip
from pathlib import Path

import orjson
import pytest
from tests.normalize import facts

from tocsin.formats.read import read_items
from tocsin.formats.records import Block
from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, validate

RECEIVED = 1_767_225_600_000_000
DECODERS = {
    "auditd": {"linux_auditd"},
    "sshd": {"linux_sshd"},
    "sudo": {"linux_auth"},
    "su": {"linux_auth"},
    "pam": {"linux_auth"},
    "kernel": {"linux_syslog", "linux_auditd"},
    "systemd": {"linux_syslog"},
    "cef-fireeye": {"cef"},
    "f5-bigip-cef": {"f5_bigip"},
    "f5-bigip": {"f5_bigip"},
    "cisco-asa": {"cisco_firewall"},
    "pix": {"cisco_firewall"},
    "fortigate-firewall-v5": {"fortinet_fortigate"},
    "web-accesslog": {"web_server"},
}
OTHERS = {
    "dovecot",
    "smtpd",
}
"""Decoders of formats that no source here knows."""


@pytest.mark.data
def test_labelled_lines_are_of_the_right_source(normalizer: Normalizer, shared_data: Path) -> None:
    seen = 0
    with gzip.open(shared_data / "normalize" / "wazuh_rules_tests.jsonl.gz") as file:
        for case in map(orjson.loads, file):
            wanted = set() if case["decoder"] in OTHERS else DECODERS.get(case["decoder"])
            if wanted is None:
                continue
            for log in case["logs"]:
                found = normalizer.decode(log["log"].encode(), None)
                got = {found.source_id} if isinstance(found, NativeRecord) else set()
                assert got == wanted or got < wanted, (case["decoder"], log["log"], found)
                assert bool(got) == bool(wanted), (case["decoder"], log["log"], found)
                seen += 1
    assert seen > 100


@pytest.mark.data
def test_zeek_samples_become_valid_events(normalizer: Normalizer, shared_data: Path) -> None:
    archive = shared_data / "normalize" / "ocsf_examples_pairs.tar.xz"
    seen = refused = 0
    for item in read_items(archive):
        if not (isinstance(item, Block) and "raw_sample_log_dataset/Zeek/" in item.origin):
            continue
        for position, raw in list(zip(item.positions, item.raws, strict=True))[::7]:
            seen += 1
            record = normalizer.decode(raw, None)
            if isinstance(record, Undecodable):
                refused += 1
                continue
            assert record.source_id == "zeek", raw
            place = Position("site", "p", position, RECEIVED, item.origin, position)
            name, event = normalizer.event(record, place, raw, ContextSnapshot())
            assert validate(name, event) == []
    assert seen > 500
    assert refused < seen / 100


@pytest.mark.data
def test_the_linux_archive_is_of_the_audit_log(normalizer: Normalizer, shared_data: Path) -> None:
    (block,) = read_items(shared_data / "detection" / "otrf" / "atomic" / "linux")
    assert isinstance(block, Block)
    (raw,) = block.raws
    record = normalizer.decode(raw, None)
    assert isinstance(record, NativeRecord)
    assert record.source_id == "linux_auditd"
    assert record.fields["command_line"] == "dd if=/dev/zero bs=1 count=1"


@pytest.mark.data
@pytest.mark.parametrize("format_name", ["OpenSSH/openssh", "CEF/cef"])
def test_facts_stand_at_their_path(shared_data: Path, format_name: str) -> None:
    assert (shared_data / facts.TESTS).exists()
    found = facts.score(format_name)
    assert found.reported == 0
    assert found.precision >= 0.99
    assert found.class_accuracy == 1
    assert found.recall >= 0.92, found.wrong
