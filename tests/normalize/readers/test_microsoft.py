"""Rows and records of Microsoft's cloud services, in every envelope."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.microsoft import azure_text, hunting, m365_audit

ROW = {"DeviceName": "ws-1", "AdditionalFields": '{"direction": "In"}', "ReportId": 7}


def test_a_row_is_read_alike_in_every_envelope() -> None:
    hub = {"category": "AdvancedHunting-DeviceEvents", "tenantId": "t", "properties": ROW}
    text = hub | {"properties": orjson.dumps({k.lower(): v for k, v in ROW.items()}).decode()}
    table = {"Type": "DeviceEvents", "TimeGenerated": "2026-01-01T00:00:00Z"} | ROW
    for document in (hub, text, table):
        fields = hunting(document)
        assert fields is not None
        assert fields["Table"] == "DeviceEvents"
        assert fields["DeviceName"] == "ws-1"
        assert fields["AdditionalFields.direction"] == "In"


def test_a_registry_key_is_called_as_sysmon_calls_it() -> None:
    row = {"RegistryKey": r"HKEY_LOCAL_MACHINE\SOFTWARE\Run", "RegistryValueName": "x"}
    fields = hunting({"Type": "DeviceRegistryEvents"} | row)
    assert fields is not None
    assert fields["TargetObject"] == r"HKLM\SOFTWARE\Run\x"


def test_a_row_without_a_table_is_none() -> None:
    assert hunting({"DeviceName": "ws-1"}) is None


def test_properties_in_a_text_are_read_and_nothing_else_is() -> None:
    fields = azure_text({"category": "AuditLogs", "properties": '{"a": {"b": 1}}'})
    assert fields is not None
    assert fields["properties.a.b"] == 1
    assert azure_text({"properties": {"a": 1}}) is None
    assert azure_text({"properties": "{broken"}) is None


def test_an_exported_audit_record_is_the_record() -> None:
    record = {"Operation": "FileDeleted", "UserId": "urn:spo:guest#a@b.example"}
    fields = m365_audit({"Identity": "x", "AuditData": orjson.dumps(record).decode()})
    assert fields is not None
    assert fields["Operation"] == "FileDeleted"
    assert fields["User"] == "a@b.example"
    assert fields["Export.Identity"] == "x"


def test_names_and_values_of_lists_are_fields() -> None:
    fields = m365_audit({"creationtime": "x", "parameters": [{"Name": "ForwardTo", "Value": "y"}]})
    assert fields is not None
    assert fields["Parameters.ForwardTo"] == "y"
    assert fields["CreationTime"] == "x"


def test_the_target_of_a_change_is_known_by_name_and_id() -> None:
    uid = "5d0b3f0e-0a0f-4c8e-8ef2-6f8f9f3c1d20"
    target = [{"ID": f"User_{uid}", "Type": 2}, {"ID": uid, "Type": 2}, {"ID": "a@b", "Type": 5}]
    fields = m365_audit({"Target": target})
    assert fields is not None
    assert (fields["TargetUid"], fields["TargetUpn"]) == (uid, "a@b")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["category", "Type", "properties", "AuditData", "Target", "Parameters", "RegistryKey", "UserId"]
)


@given(st.dictionaries(NAMES, VALUES))
def test_nothing_raises_on_what_senders_choose(document: dict[str, Any]) -> None:
    for reader in (hunting, azure_text, m365_audit):
        fields = reader(document)
        assert fields is None or isinstance(fields, dict)
