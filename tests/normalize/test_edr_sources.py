"""EDR, cluster, posture and privileged-access records: what each becomes, what is refused."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.normalize import facts
from tests.normalize.placed import RECEIVED

from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, validate
from tocsin.normalize.lists import hash_value, texts
from tocsin.normalize.names import account_domain, account_name, after_dash, before_dash
from tocsin.normalize.readers.documents import securityhub
from tocsin.normalize.scalars import FAILED, epoch, first_address

ANY = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.text())

SENSOR = {
    "aid": "a1",
    "cid": "c1",
    "id": "e1",
    "timestamp": "1772439250303",
    "event_platform": "Lin",
    "ContextProcessId": "81",
    "TargetProcessId": "82",
    "ParentProcessId": "80",
    "TargetFileName": "/tmp/x.sh",
    "LocalAddressIP4": "10.0.0.1",
    "RemoteAddressIP4": "10.0.0.2",
    "DomainName": "orchard.example",
    "UserName": "ORCHARD\\mira",
    "RegObjectName": "\\REGISTRY\\MACHINE\\Run",
    "ImageFileName": "/bin/sh",
    "ServiceDisplayName": "spool",
    "TaskName": "tidy",
}


def event(normalizer: Normalizer, record: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Source, class and valid event of a record."""
    raw = orjson.dumps(record)
    native = normalizer.decode(raw, None)
    assert isinstance(native, NativeRecord), native
    place = Position("site", "p", 1, RECEIVED, "file", 1)
    name, made = normalizer.event(native, place, raw, ContextSnapshot())
    assert validate(name, made) == []
    return native.source_id, name, made


@pytest.mark.parametrize(
    ("kind", "class_name", "activity"),
    [
        ("ProcessRollup2", "process_activity", "Launch"),
        ("TerminateProcess", "process_activity", "Terminate"),
        ("InjectedThread", "process_activity", "Inject"),
        ("ClassifiedModuleLoad", "module_activity", "Load"),
        ("NetworkListenIP4", "network_activity", "Listen"),
        ("NetworkCloseIP4", "network_activity", "Close"),
        ("SuspiciousDnsRequest", "dns_activity", "Query"),
        ("ZipFileWritten", "file_activity", "Create"),
        ("ExecutableDeleted", "file_activity", "Delete"),
        ("RegGenericValueUpdate", "registry_value_activity", "Set"),
        ("UserLogonFailed2", "authentication", "Logon"),
        ("UserLogoff", "authentication", "Logoff"),
        ("UserAccountCreated", "account_change", "Create"),
        ("CreateService", "windows_service_activity", "Create"),
        ("ScheduledTaskDeleted", "scheduled_job_activity", "Delete"),
        ("AgentOnline", "base_event", "Unknown"),
        ("SomethingQuiteNew", "base_event", "Unknown"),
    ],
)
def test_an_event_of_the_falcon_sensor(
    normalizer: Normalizer, kind: str, class_name: str, activity: str
) -> None:
    source, name, made = event(normalizer, SENSOR | {"event_simpleName": kind})
    assert (source, name, made["activity_name"]) == ("crowdstrike_fdr", class_name, activity)
    assert made["time"] == 1_772_439_250_303
    assert made["device"]["uid"] == "a1"


def test_who_comes_in_is_the_source(normalizer: Normalizer) -> None:
    out = event(normalizer, SENSOR | {"event_simpleName": "NetworkConnectIP4"})[2]
    back = event(normalizer, SENSOR | {"event_simpleName": "NetworkReceiveAcceptIP4"})[2]
    assert out["src_endpoint"]["ip"] == back["dst_endpoint"]["ip"] == "10.0.0.1"
    assert out["dst_endpoint"]["ip"] == back["src_endpoint"]["ip"] == "10.0.0.2"


@pytest.mark.parametrize(
    ("severity", "name", "word"),
    [
        (4, None, "High"),
        (70, None, "High"),
        (50, None, "Medium"),
        (2, "Low", "Low"),
        (100, None, "Critical"),
    ],
)
def test_a_detection_keeps_what_the_vendor_thinks_of_it(
    normalizer: Normalizer, severity: int, name: str | None, word: str
) -> None:
    about = {"eventType": "DetectionSummaryEvent", "eventCreationTime": 1_772_439_250_303}
    body = {"DetectId": "d1", "DetectName": "x", "Severity": severity, "SeverityName": name}
    source, found, made = event(normalizer, {"metadata": about, "event": body})
    assert (source, found) == ("crowdstrike_detections", "detection_finding")
    assert made["severity"] == word
    assert made["finding_info"]["uid"] == "d1"


def test_an_audit_event_is_no_detection(normalizer: Normalizer) -> None:
    about = {"eventType": "AuthActivityAuditEvent", "eventCreationTime": 1_772_439_250_303}
    body = {"OperationName": "userAuthenticate", "UserId": "mira", "Success": False}
    source, name, made = event(normalizer, {"metadata": about, "event": body})
    assert (source, name) == ("crowdstrike_falcon", "authentication")
    assert made["status"] == "Failure"


def test_alerts_are_declared_as_what_they_are(normalizer: Normalizer) -> None:
    alerts = {source.id for source in normalizer.sources if source.alerts}
    assert {"crowdstrike_detections", "sentinelone_threats", "cortex_xdr_alerts"} <= alerts
    assert not alerts & {"crowdstrike_fdr", "sentinelone_activity", "prowler", "aws_securityhub"}


@pytest.mark.parametrize(
    ("method", "class_name", "activity"),
    [
        ("google.login.LoginService.loginSuccess", "authentication", "Logon"),
        ("google.login.LoginService.2svDisable", "account_change", "MFA Factor Disable"),
        ("google.iam.admin.v1.DeleteServiceAccount", "account_change", "Delete"),
        ("storage.objects.get", "api_activity", "Read"),
        ("google.cloud.secrets.v1.SecretService.AccessVersion", "api_activity", "Other"),
        ("google.cloud.run.v1.Services.CreateService", "api_activity", "Create"),
        ("v1.compute.firewalls.patch", "api_activity", "Update"),
        ("SetIamPolicy", "api_activity", "Update"),
    ],
)  # fmt: skip
def test_a_method_of_google_cloud(
    normalizer: Normalizer, method: str, class_name: str, activity: str
) -> None:
    payload = {
        "methodName": method,
        "serviceName": "x.googleapis.com",
        "resourceName": "projects/orchard",
        "authenticationInfo": {"principalEmail": "mira@orchard.example"},
        "requestMetadata": {"callerIp": "198.51.100.24"},
    }
    entry = {"protoPayload": payload, "logName": "l", "timestamp": "2026-03-02T08:14:10Z"}
    source, name, made = event(normalizer, entry)
    assert (source, name, made["activity_name"].split("::")[-1]) == (
        "gcp_audit",
        class_name,
        activity if activity != "Other" else method,
    )
    assert made["src_endpoint"]["ip"] == "198.51.100.24"


def test_posture_is_pass_or_fail(normalizer: Normalizer) -> None:
    finding = {
        "ProductArn": "arn:p",
        "AwsAccountId": "4",
        "GeneratorId": "g",
        "Id": "f1",
        "UpdatedAt": "2026-03-02T08:14:10Z",
        "Compliance": {"Status": "PASSED"},
    }
    assert event(normalizer, finding)[2]["compliance"]["status"] == "Pass"
    around = {"detail-type": "x", "source": "aws.securityhub", "detail": {"findings": [finding]}}
    assert event(normalizer, around)[1] == "compliance_finding"


@pytest.mark.parametrize(
    "record",
    [
        {"metadata": {"eventType": "UserCreated"}, "event": {}},
        {"activityType": 5, "description": "of another tool"},
        {"kind": "Event", "apiVersion": "v1", "auditID": "1"},
        {"action": "login", "actor": "mira", "created_at": 1},
        {"alert_id": "1", "name": "x"},
        {"hostIdentifier": "h", "name": "q"},
        {"protoPayload": {"methodName": "x"}},
        {"detail": {"findings": [{}, {}]}, "detail-type": "x"},
        {"CheckID": "1", "Status": "PASS"},
    ],
)
def test_what_only_looks_like_it_is_refused(normalizer: Normalizer, record: dict[str, Any]) -> None:
    assert isinstance(normalizer.decode(orjson.dumps(record), None), Undecodable)


@given(ANY)
def test_converters_answer_or_fail_and_never_raise(value: Any) -> None:
    for convert in (
        account_domain,
        account_name,
        after_dash,
        before_dash,
        epoch,
        first_address,
        hash_value,
        texts,
    ):
        found = convert(value)
        assert found is None or found is FAILED or isinstance(found, str | int | list)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (epoch("1772439250.303"), 1_772_439_250_303),
        (epoch(1_772_439_250_303), 1_772_439_250_303),
        (epoch("0"), None),
        (epoch("soon"), FAILED),
        (first_address("10.0.0.1, 10.0.0.2"), "10.0.0.1"),
        (first_address(["x", "::1"]), "::1"),
        (first_address("none"), FAILED),
        (hash_value(" ABCD"), "abcd"),
        (hash_value("0000"), None),
        (account_name(r"ORCHARD\mira"), "mira"),
        (account_domain(r"ORCHARD\mira"), "ORCHARD"),
        (account_domain("mira"), None),
        (before_dash("T1059 - Command"), "T1059"),
        (after_dash("T1059 - Command"), "Command"),
        (after_dash("T1059"), None),
        (texts("a"), ["a"]),
        (texts([]), None),
        (texts([1]), FAILED),
        (securityhub({"detail": {"findings": [{"Id": "1"}]}}), {"Id": "1"}),
        (securityhub({"detail": []}), None),
    ],
)
def test_what_converters_make(found: Any, wanted: Any) -> None:
    assert found == wanted


FORMATS = {
    "CrowdStrike/crowdstrike-telemetry": 0.93,
    "CrowdStrike/crowdstrike_falcon": 0.89,
    "Google Cloud/Google Cloud Audit": 0.97,
    "Palo Alto Networks/paloalto-cortex-xdr": 0.88,
    "SentinelOne/sentinelone": 0.75,
}
"""The least recall; a finding has no place for a file or an address of its own."""


@pytest.mark.data
@pytest.mark.parametrize("name", FORMATS)
def test_facts_stand_at_their_path(shared_data: Path, name: str) -> None:
    assert (shared_data / facts.TESTS).exists()
    score = facts.score(name)
    assert score.reported == 0
    assert score.recall >= FORMATS[name]
    assert score.precision >= 0.95
