"""Cloud, identity and sensor logs: each record by the right source, or by none."""

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.normalize import facts
from tests.normalize.placed import RECEIVED

from tocsin.formats.read import read_bytes, read_items
from tocsin.formats.records import Block
from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, validate

FORMATS = {
    "AWS/aws-cloudtrail": "aws_cloudtrail",
    "Okta/okta-system-logs": "okta_system_log",
    "Azure/azure-ad": "",
    "Microsoft/microsoft-entraid-graphapi": "",
    "Suricata/suricata": "",
}
SOURCES = {
    "AWS.CloudTrail": {"aws_cloudtrail"},
    "AWS.GuardDuty": {"aws_guardduty"},
    "Azure.Audit": {"entra_signin", "entra_audit"},
    "Azure.MonitorActivity": {"azure_activity"},
    "Amazon.EKS.Audit": {"kubernetes_audit"},
    "AWS.SecurityFindingFormat": {"aws_securityhub"},
    "Crowdstrike.DetectionSummary": {"crowdstrike_detections"},
    "Crowdstrike.DNSRequest": {"crowdstrike_fdr"},
    "Crowdstrike.EventStreams": {"crowdstrike_falcon", "crowdstrike_detections"},
    "Crowdstrike.FDREvent": {"crowdstrike_fdr", "crowdstrike_detections"},
    "Crowdstrike.Unknown": {"crowdstrike_fdr"},
    "GCP.AuditLog": {"gcp_audit"},
    "GCP.HTTPLoadBalancer": {"gcp_load_balancer"},
    "GitHub.Audit": {"github_audit"},
    "Osquery.Differential": {"osquery"},
    "SentinelOne.Activity": {"sentinelone_activity"},
    "Microsoft365.Audit.AzureActiveDirectory": {"m365_audit"},
    "Microsoft365.Audit.Exchange": {"m365_audit"},
    "MicrosoftDefenderXDR.AdvancedHunting": {"defender_alerts", "defender_hunting"},
    "MicrosoftIntune.AuditLogs": {"intune"},
    "MicrosoftIntune.OperationalLogs": {"intune"},
    "Okta.SystemLog": {"okta_system_log"},
}
"""Log types of the labelled events and the sources that may take them."""


def event(normalizer: Normalizer, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Class and valid event of a record."""
    raw = orjson.dumps(record)
    native = normalizer.decode(raw, None)
    assert isinstance(native, NativeRecord), native
    place = Position("site", "p", 1, RECEIVED, "file", 1)
    name, made = normalizer.event(native, place, raw, ContextSnapshot())
    assert validate(name, made) == []
    return name, made


CALL: dict[str, Any] = {
    "eventVersion": "1.09",
    "eventTime": "2025-03-11T08:00:00Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "ListUsers",
    "sourceIPAddress": "203.0.113.24",
    "userIdentity": {"type": "IAMUser", "userName": "mira", "accountId": "444455556666"},
    "eventType": "AwsApiCall",
}


@pytest.mark.parametrize(
    ("name", "activity"),
    [
        ("DescribeInstances", "Read"),
        ("GetCallerIdentity", "Read"),
        ("CreateVpc", "Create"),
        ("PutObject", "Create"),
        ("PutBucketPolicy", "Update"),
        ("TerminateInstances", "Delete"),
        ("BatchGetSecretValue", "Read"),
        ("BatchDeleteImage", "Delete"),
        ("Frobnicate", "Frobnicate"),
    ],
)
def test_a_call_does_what_its_verb_says(normalizer: Normalizer, name: str, activity: str) -> None:
    made = event(normalizer, CALL | {"eventName": name})[1]
    assert made["class_name"] == "API Activity"
    assert made["activity_name"] == activity


def assumed(role: str, session: str) -> dict[str, Any]:
    arn = f"arn:aws:sts::444455556666:assumed-role/{role}/{session}"
    issuer = {"type": "Role", "userName": role}
    return {"type": "AssumedRole", "arn": arn, "sessionContext": {"sessionIssuer": issuer}}


def test_a_role_is_itself_whatever_its_session_is_called(normalizer: Normalizer) -> None:
    identity = assumed("deploy", "root")
    made = event(normalizer, CALL | {"userIdentity": identity})[1]
    assert made["actor"]["user"]["name"] == "deploy"
    people = assumed("AWSReservedSSO_Admin_0a1b", "tomas@orchard.example")
    made = event(normalizer, CALL | {"userIdentity": people})[1]
    assert made["actor"]["user"]["name"] == "tomas@orchard.example"


def test_a_service_that_calls_has_a_name_and_no_address(normalizer: Normalizer) -> None:
    made = event(normalizer, CALL | {"sourceIPAddress": "AWS Internal"})[1]
    assert made["src_endpoint"] == {"svc_name": "AWS Internal"}


def test_what_a_list_says_of_others_stays_unmapped_as_well(normalizer: Normalizer) -> None:
    resources = [{"ARN": "arn:aws:s3:::ledgers", "type": "AWS::S3::Bucket", "accountId": "4"}]
    made = event(normalizer, CALL | {"resources": resources})[1]
    assert made["resources"] == [{"uid": "arn:aws:s3:::ledgers", "type": "AWS::S3::Bucket"}]
    assert made["unmapped"]["resources"] == resources


@pytest.mark.parametrize("key", ["Records", "events", "value"])
def test_a_file_of_many_is_cut_into_records(normalizer: Normalizer, key: str) -> None:
    data = orjson.dumps({key: [CALL, CALL | {"eventName": "CreateUser"}]})
    blocks = [item for item in read_bytes("file", data) if isinstance(item, Block)]
    records = [normalizer.decode(raw, None) for block in blocks for raw in block.raws]
    assert [r.source_id for r in records if isinstance(r, NativeRecord)] == ["aws_cloudtrail"] * 2


@pytest.mark.parametrize(
    "record",
    [
        {"eventSource": "SecurityComplianceCenter", "eventName": "a", "status": "success"},
        {"eventType": "LoginEvent", "actor": {"email": "a@b.example"}},
        {"category": "AuditLogs", "properties": {"ActivityType": 3}, "operationName": "create"},
        {"category": "kube-audit", "operationName": "Microsoft.X/read", "properties": {}},
        {"category": "StorageWrite", "operationName": "PutBlob", "resourceId": "/subscriptions/1"},
        {"timestamp": "2025-03-11T08:00:00Z", "event_type": "Threat_Event", "ipv4": "10.0.0.1"},
        {"timestamp": "2025-03-11T08:00:00Z", "event_type": "alert", "detail": "of another tool"},
        {"detail": {"eventName": "AssumeRole"}},
        {"detail": ["eventSource", "eventName"]},
        {"activityDisplayName": "Add user"},
    ],
)
def test_what_only_looks_like_it_is_refused(normalizer: Normalizer, record: dict[str, Any]) -> None:
    assert isinstance(normalizer.decode(orjson.dumps(record), None), Undecodable)


def test_an_event_of_an_unknown_type_is_its_sources_default(normalizer: Normalizer) -> None:
    eve = {"timestamp": "2025-03-11T08:00:00+0000", "event_type": "rfb", "proto": "TCP"}
    ends = {"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2"}
    assert event(normalizer, eve | ends)[0] == "network_activity"
    okta = {"eventType": "new.kind.of.event", "actor": {"alternateId": "a"}, "published": "x"}
    assert event(normalizer, okta)[0] == "base_event"
    audit = {"activityDisplayName": "Something new", "initiatedBy": {"user": {"id": "1"}}}
    assert event(normalizer, audit)[0] == "entity_management"


def labelled(folder: Path) -> Iterator[tuple[list[str], bytes]]:
    """(log types, raw event); an event of several types is of the one it names itself."""
    with gzip.open(folder / "detection" / "panther_tests.jsonl.gz") as file:
        for test in map(orjson.loads, file):
            types, own = test["log_types"], test["event"].get("p_log_type")
            yield [own] if own in types else types, orjson.dumps(test["event"])


@pytest.mark.data
def test_no_labelled_event_is_taken_by_a_wrong_source(
    normalizer: Normalizer, shared_data: Path
) -> None:
    right: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for types, raw in labelled(shared_data):
        record = normalizer.decode(raw, None)
        if isinstance(record, NativeRecord):
            allowed = set().union(*(SOURCES.get(name, set()) for name in types))
            assert record.source_id in allowed, (types, record.source_id, raw[:200])
            right[types[0]] += 1
        elif len(types) == 1 and types[0] in SOURCES:
            refused[types[0]] += 1
    assert right["AWS.CloudTrail"] >= 249
    assert right["Okta.SystemLog"] >= 25
    assert right["Azure.Audit"] == 13
    assert right["Microsoft365.Audit.Exchange"] == 10
    assert right["Microsoft365.Audit.AzureActiveDirectory"] == 4
    assert right["Azure.MonitorActivity"] >= 118
    # Two events have nothing but enrichments; logs of clusters and of storage are no activity log.
    assert refused["AWS.CloudTrail"] <= 1
    assert refused["Okta.SystemLog"] <= 1


@pytest.mark.data
def test_the_recording_of_an_attack_on_aws_is_read_whole(
    normalizer: Normalizer, shared_data: Path
) -> None:
    folder = shared_data / "detection" / "otrf" / "atomic" / "aws"
    records = [
        normalizer.decode(raw, None)
        for item in read_items(folder)
        if isinstance(item, Block)
        for raw in item.raws
    ]
    assert len(records) == 103
    assert {r.source_id for r in records if isinstance(r, NativeRecord)} == {"aws_cloudtrail"}
    assert all(isinstance(record, NativeRecord) for record in records)


@pytest.mark.data
def test_facts_stand_at_their_path(shared_data: Path) -> None:
    assert (shared_data / facts.TESTS).exists()
    scores = [facts.score(name) for name in FORMATS]
    total = sum(score.facts for score in scores)
    found = sum(score.found for score in scores)
    contradicted = sum(score.contradicted for score in scores)
    assert sum(score.reported for score in scores) == 0
    assert found / total >= 0.95
    assert found / (found + contradicted) >= 0.97
