"""Rules as people write them for cloud logs find the samples of the shipped sources."""

from collections.abc import Sequence

import pytest
import yaml
from tests.detect.sigma_rules import rule

from tocsin.content import load
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.model.content import ContentSet
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord
from tocsin.normalize import Normalizer, compile_sources


@pytest.fixture(scope="module")
def normalizer() -> Normalizer:
    made, problems = compile_sources(load(None))
    assert made is not None, problems
    return made


def shapes_found(
    normalizer: Normalizer,
    content: ContentSet,
    bindings: Sequence[LogsourceBinding],
    logsource: dict[str, str],
    selection: dict[str, object],
) -> set[str]:
    """`source/shape` of the sample records that a rule with this selection finds."""
    document = yaml.safe_load(rule({"selection": selection}))
    document["logsource"] = logsource
    plan = compile_plan(parse_rules([("r", yaml.safe_dump(document).encode())]), bindings)
    samples = [
        line
        for file in content.under("sources/")
        if "/samples/" in file.path and file.path.endswith(".ndjson")
        for line in file.data.splitlines()
    ]
    found = [(normalizer.decode(raw, None), raw) for raw in samples]
    records = [(record, raw) for record, raw in found if isinstance(record, NativeRecord)]
    hits = Matcher(plan).match([r for r, _ in records], [raw for _, raw in records])
    return {f"{records[row][0].source_id}/{records[row][0].shape}" for row, _ in hits}


AWS = {"product": "aws", "service": "cloudtrail"}
OKTA = {"product": "okta", "service": "okta"}
SIGNIN = {"product": "azure", "service": "signinlogs"}
AUDIT = {"product": "azure", "service": "auditlogs"}
GCP = {"product": "gcp", "service": "gcp.audit"}
LOGIN = {"product": "gcp", "service": "google_workspace.login"}
KUBERNETES = {"product": "kubernetes", "service": "audit", "category": "application"}
GITHUB = {"product": "github", "service": "audit"}


@pytest.mark.parametrize(
    ("logsource", "selection", "shapes"),
    [
        (GCP, {"gcp.audit.method_name|endswith": ".buckets.delete"}, {"gcp_audit/entry"}),
        (GCP, {"data.protoPayload.serviceName": "iam.googleapis.com"}, {"gcp_audit/entry"}),
        (LOGIN, {"eventName": "suspicious_login"}, {"gcp_audit/entry"}),
        (
            KUBERNETES,
            {"verb": "create", "objectRef.resource": "pods", "objectRef.subresource": "exec"},
            {"kubernetes_audit/event"},
        ),
        (GITHUB, {"action": "org.add_member"}, {"github_audit/export"}),
        (
            {"product": "windows", "category": "process_creation"},
            {"CommandLine|contains": "-enc SQBFAFgA", "ParentImage|endswith": "\\winword.exe"},
            {"defender_hunting/stream", "defender_hunting/log_analytics"},
        ),
        (
            {"product": "windows", "category": "registry_set"},
            {"TargetObject|endswith": "\\CurrentVersion\\Run\\Updater"},
            {"defender_hunting/stream"},
        ),
        (
            {"product": "m365", "service": "audit"},
            {"Operation": "New-InboxRule", "Parameters|contains": "ForwardTo"},
            {"m365_audit/record", "m365_audit/lower"},
        ),
        (
            {"product": "m365", "service": "threat_management"},
            {
                "eventSource": "SecurityComplianceCenter",
                "eventName": "Mass download",
                "status": "success",
            },
            {"m365_audit/record"},
        ),
        (
            AWS,
            {"eventSource": "iam.amazonaws.com", "eventName": "DeleteUser", "errorCode": None},
            {"aws_cloudtrail/eventbridge"},
        ),
        (
            AWS,
            {"eventSource": "iam.amazonaws.com", "userIdentity.type": "IAMUser"},
            {"aws_cloudtrail/record", "aws_cloudtrail/eventbridge", "aws_cloudtrail/lower_case"},
        ),
        (
            AWS,
            {"responseElements.ConsoleLogin": "Success", "additionalEventData.MFAUsed": "NO"},
            {"aws_cloudtrail/record"},
        ),
        (AWS, {"eventName": "DeleteObject"}, {"aws_cloudtrail/sparse"}),
        (
            OKTA,
            {"eventType|startswith": "user.session", "securityContext.isProxy": "false"},
            {"okta_system_log/log_event", "okta_system_log/eventbridge"},
        ),
        (OKTA, {"target.displayName": "Catch-all Rule"}, {"okta_system_log/log_event"}),
        (
            OKTA,
            {"eventType": "user.account.privilege.revoke"},
            {"okta_system_log/lower_case"},
        ),
        (
            SIGNIN,
            {"ResultType": 0, "AuthenticationRequirement": "multiFactorAuthentication"},
            {"entra_signin/graph", "entra_signin/diagnostic", "entra_signin/log_analytics"},
        ),
        (
            SIGNIN,
            {"Status": "Success", "RiskState": "atRisk", "DeviceDetail.deviceId": ""},
            {"entra_signin/graph"},
        ),
        (SIGNIN, {"ResultType": 50053}, {"entra_signin/diagnostic"}),
        (
            AUDIT,
            {"properties.message": "Add member to group", "Status": "Success"},
            {"entra_audit/graph", "entra_audit/log_analytics"},
        ),
        (
            AUDIT,
            {"operationName": "Add member to role", "TargetResources|contains": "Administrator"},
            {"entra_audit/graph"},
        ),
        (
            AUDIT,
            {"OperationName": "Authentication Methods Policy Update"},
            {"entra_audit/diagnostic_activity"},
        ),
        (
            {"product": "azure", "service": "riskdetection"},
            {"riskEventType|contains": "e"},
            {"entra_risk/graph", "entra_risk/diagnostic"},
        ),
        (
            {"product": "azure", "service": "activitylogs"},
            {"operationName|endswith": ["/DELETE", "/WRITE"]},
            {"azure_activity/diagnostic", "azure_activity/event_data", "azure_activity/sparse"},
        ),
    ],
)
def test_a_rule_in_the_usual_words_finds_every_shape(
    normalizer: Normalizer,
    content: ContentSet,
    bindings: tuple[LogsourceBinding, ...],
    logsource: dict[str, str],
    selection: dict[str, object],
    shapes: set[str],
) -> None:
    assert shapes_found(normalizer, content, bindings, logsource, selection) == shapes


@pytest.mark.parametrize(
    ("category", "selection"),
    [
        ("dns", {"query|endswith": ".orchard.example", "record_type": "AAAA"}),
        ("dns", {"answer": "192.0.2.81"}),
        ("proxy", {"c-useragent|startswith": "curl", "sc-status": 200, "cs-method": "GET"}),
    ],
)
def test_a_sensor_delivers_what_it_sees_of_names_and_requests(
    normalizer: Normalizer,
    content: ContentSet,
    bindings: tuple[LogsourceBinding, ...],
    category: str,
    selection: dict[str, object],
) -> None:
    found = shapes_found(normalizer, content, bindings, {"category": category}, selection)
    assert "suricata_eve/event" in found
