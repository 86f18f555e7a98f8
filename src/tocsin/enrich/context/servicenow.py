"""Exports of a CMDB and of changes as ServiceNow's table API gives them: `{"result": [...]}`.

A value is a text, or an object with `display_value` and `value`. Field names are those of the
tables `cmdb_ci` and `change_request` (ServiceNow, Table API and base tables).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tocsin.enrich.context.rows import Reading, read_rows, scope_of, unique
from tocsin.enrich.context.values import list_of, text_of, time_of
from tocsin.model.content import Problem
from tocsin.model.context import Record, Window

_RETIRED = frozenset({"retired", "disposed", "decommissioned", "absent", "6", "7"})
"""operational_status 6 and install_status 7 are Retired."""

_CANCELED = frozenset({"4", "canceled", "cancelled"})
_CI_FIELDS = {
    "id": ("sys_id",),
    "name": ("name", "host_name"),
    "fqdn": ("fqdn",),
    "ip": ("ip_address",),
    "mac": ("mac_address",),
    "instance": ("vm_inst_id", "object_id", "instance_id"),
    "role": ("used_for", "sys_class_name", "category"),
    "unit": ("business_unit", "u_business_unit", "department"),
    "segment": ("u_network_zone", "network_zone", "u_zone"),
    "owner": ("owned_by", "managed_by", "assigned_to"),
    "criticality": ("busines_criticality", "business_criticality", "u_criticality"),
    "exposed": ("internet_facing", "u_internet_facing", "u_exposed"),
    "services": ("business_services", "u_business_service", "business_service"),
    "scopes": ("u_compliance", "compliance_scope", "u_compliance_scope"),
    "os": ("os",),
    "retired": (),
}
"""By field of an asset: fields of a configuration item, the first that says something counts."""

_SERVICE_FIELDS = {
    "id": ("sys_id",),
    "name": ("name",),
    "owner": ("owned_by", "managed_by"),
    "unit": ("business_unit", "department"),
    "criticality": ("busines_criticality", "business_criticality"),
    "hours": ("u_operating_hours", "operating_hours"),
    "zone": ("u_time_zone", "time_zone"),
    "level": ("u_service_level", "service_level"),
    "minutes": ("u_rto_minutes",),
    "scopes": ("u_compliance", "compliance_scope"),
}
_SERVICES = ("cmdb_ci_service", "business service", "cmdb_ci_service_business")


def items_of(tree: Any) -> tuple[Mapping[str, Any], ...]:
    """The objects of an export: `result` or `records` of an object, or a list; else ValueError."""
    rows = tree
    if isinstance(tree, dict):
        rows = next((tree[name] for name in ("result", "records") if name in tree), None)
    if not isinstance(rows, list):
        raise ValueError('no list of records: an export is {"result": [...]}')  # noqa: TRY004 - the file's
    return tuple(row if isinstance(row, dict) else {} for row in rows)


def read_cmdb(where: str, tree: Any) -> Reading:
    """Assets, and business services, of an export of configuration items."""
    assets: list[tuple[int, Mapping[str, str] | str]] = []
    services: list[tuple[int, Mapping[str, str] | str]] = []
    for number, item in enumerate(items_of(tree), 1):
        if text_of(_said(item, ("sys_class_name",))).lower() in _SERVICES:
            services.append((number, _row(item, _SERVICE_FIELDS)))
            continue
        row = _row(item, _CI_FIELDS)
        states = (_said(item, (name,)).lower() for name in ("operational_status", "install_status"))
        row["retired"] = "yes" if any(state in _RETIRED for state in states) else ""
        row["instance"] = row["instance"] if row["instance"].startswith("i-") else ""
        assets.append((number, row))
    found = read_rows("assets", where, tuple(_CI_FIELDS), assets, {n: n for n in _CI_FIELDS})
    names = {name: name for name in _SERVICE_FIELDS}
    more = read_rows("services", where, tuple(_SERVICE_FIELDS), services, names)
    return Reading(
        found.records + more.records, _numbered(found.problems) + _numbered(more.problems)
    )


def read_changes(where: str, tree: Any) -> Reading:
    """Windows of an export of change requests; those that were called off are none."""
    records: list[Record] = []
    problems: list[Problem] = []
    for number, item in enumerate(items_of(tree), 1):
        if _said(item, ("state",)).lower() in _CANCELED:
            continue
        try:
            records.append(_change(item, f"{where} item {number}"))
        except ValueError as error:
            problems.append(Problem(f"{where} item {number}", str(error), "error"))
    return unique(records, problems)


def _change(item: Mapping[str, Any], where: str) -> Record:
    number = text_of(_said(item, ("number", "sys_id")))
    since, until = (
        time_of(_said(item, names))
        for names in (("start_date", "work_start"), ("end_date", "work_end"))
    )
    if until <= since:
        raise ValueError("a change begins, and ends later")
    hosts = list_of(_said(item, ("cmdb_ci", "u_affected_cis", "affected_cis")))
    services = list_of(_said(item, ("business_service",)))
    scope = scope_of((*hosts, *(f"service:{name}" for name in services)))
    if not scope:
        raise ValueError("the change says neither a configuration item nor a service")
    title = text_of(_said(item, ("short_description",)))
    owner = text_of(_said(item, ("assigned_to", "requested_by", "assignment_group")))
    return Record(number, Window("change", scope, title, owner, number), where, since, until)


def _row(item: Mapping[str, Any], fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {field: _said(item, names) for field, names in fields.items()}


def _said(item: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((text for text in _texts(item, names) if text), "")


def _texts(item: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = item.get(name)
        if isinstance(value, dict):
            value = value.get("display_value") or value.get("value")
        if isinstance(value, list):
            value = "; ".join(str(one) for one in value)
        yield "" if value is None else str(value).strip()


def _numbered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """`cmdb.json:7` as `cmdb.json item 7`: an export has no lines worth naming."""
    return tuple(
        Problem(" item ".join(one.where.rsplit(":", 1)), one.message, one.severity)
        for one in problems
    )
