"""Which column of a table says what: by well-known headers, or as a site maps them."""

import re
from collections.abc import Mapping

from tocsin.model.context import MAX_TEXT

HEADERS: dict[str, dict[str, tuple[str, ...]]] = {
    "assets": {
        "id": ("id", "assetid", "assettag", "sysid", "ciid"),
        "name": ("name", "host", "hostname", "computer", "computername", "asset", "device"),
        "fqdn": ("fqdn", "dnsname", "dnshostname", "fullname"),
        "ip": ("ip", "ipaddress", "ipaddresses", "address", "addresses"),
        "mac": ("mac", "macaddress", "macaddresses"),
        "instance": ("instance", "instanceid", "cloudid", "resourceid"),
        "sid": ("sid", "objectsid"),
        "role": ("role", "type", "assettype", "class", "function"),
        "unit": ("unit", "businessunit", "department", "division"),
        "segment": ("segment", "zone", "networkzone", "vlan"),
        "owner": ("owner", "ownedby", "assignedto", "custodian"),
        "criticality": ("criticality", "businesscriticality", "importance"),
        "exposed": ("exposed", "internetexposed", "internetfacing", "exposure"),
        "services": ("services", "service", "businessservice", "businessservices", "application"),
        "scopes": ("scopes", "scope", "compliance", "compliancescope"),
        "os": ("os", "operatingsystem"),
        "retired": ("retired", "decommissioned"),
    },
    "identities": {
        "id": ("id", "employeeid", "employeenumber", "personid"),
        "user": ("user", "userid", "username", "samaccountname", "login", "uid"),
        "domain": ("domain", "netbiosdomain"),
        "account": ("account", "accounts"),
        "upn": ("upn", "userprincipalname"),
        "mail": ("mail", "email", "emailaddress"),
        "sid": ("sid", "objectsid"),
        "okta": ("okta", "oktaid"),
        "directory": ("objectid", "objectguid", "entraid"),
        "name": ("name", "displayname", "employeename", "fullname", "cn"),
        "kind": ("kind", "accounttype", "type"),
        "role": ("role", "title", "jobtitle"),
        "unit": ("unit", "businessunit", "division", "company"),
        "department": ("department", "functionalunit"),
        "manager": ("manager", "supervisor", "reportsto"),
        "owner": ("owner",),
        "criticality": ("criticality",),
        "groups": ("groups", "memberof"),
        "enabled": ("enabled", "active"),
        "since": ("since", "hiredate", "startdate", "from"),
        "until": ("until", "enddate", "leavedate", "terminationdate", "to"),
    },
    "units": {
        "name": ("name", "unit", "businessunit"),
        "owner": ("owner", "head"),
        "parent": ("parent",),
    },
    "roles": {
        "name": ("name", "role"),
        "criticality": ("criticality",),
        "privileged": ("privileged",),
        "owner": ("owner",),
    },
    "services": {
        "id": ("id", "serviceid", "key"),
        "name": ("name", "service", "businessservice"),
        "owner": ("owner",),
        "unit": ("unit", "businessunit"),
        "criticality": ("criticality", "businesscriticality"),
        "hours": ("hours", "operatinghours"),
        "zone": ("zone", "timezone", "tz"),
        "level": ("level", "servicelevel", "sla"),
        "minutes": ("minutes", "rto", "maxoutage", "outageminutes"),
        "scopes": ("scopes", "scope", "compliance"),
    },
    "zones": {
        "name": ("name", "zone", "segment"),
        "networks": ("networks", "network", "cidr", "cidrs", "subnet", "subnets"),
        "unit": ("unit", "businessunit"),
        "owner": ("owner",),
        "exposed": ("exposed", "internetexposed", "internet"),
        "scopes": ("scopes", "scope", "compliance"),
    },
    "watchlist": {
        "list": ("list", "watchlist"),
        "subject": ("subject", "entry", "value", "name", "user", "host"),
        "kind": ("kind", "type"),
        "owner": ("owner",),
        "reason": ("reason", "comment", "why"),
        "since": ("since", "from", "added"),
        "until": ("until", "expires", "expiry", "to"),
    },
    "vulnerabilities": {
        "host": ("host", "hostname", "asset", "fqdn", "dnsname", "name"),
        "ip": ("ip", "ipaddress"),
        "cve": ("cve", "cveid", "cves", "vulnerability"),
        "title": ("title", "pluginname", "summary"),
        "severity": ("severity", "risk", "cvss"),
        "scanner": ("scanner", "tool"),
        "port": ("port",),
        "since": ("firstseen", "since", "firstfound", "firstdiscovered"),
        "seen": ("lastseen", "lastfound", "lastobserved"),
    },
    "windows": {
        "id": ("id", "number", "reference", "ticket"),
        "kind": ("kind", "type"),
        "scope": ("scope", "affected", "ci", "target"),
        "title": ("title", "summary", "shortdescription"),
        "owner": ("owner", "assignedto", "requester"),
        "since": ("since", "from", "start", "startdate", "plannedstart"),
        "until": ("until", "to", "end", "enddate", "plannedend"),
    },
    "leases": {
        "ip": ("ip", "address", "ipaddress"),
        "host": ("host", "hostname", "name", "client"),
        "mac": ("mac", "macaddress"),
        "since": ("since", "from", "start", "leasestart"),
        "until": ("until", "to", "end", "expires", "leaseend"),
    },
}
"""By kind of table and field: headers that mean it, in small letters without other characters."""

REQUIRED = {
    "assets": (("id", "name", "fqdn", "ip", "mac", "instance", "sid"),),
    "identities": (("id", "user", "account", "upn", "mail", "sid", "okta", "directory"),),
    "units": (("name",),),
    "roles": (("name",),),
    "services": (("name", "id"),),
    "zones": (("name",), ("networks",)),
    "watchlist": (("subject",),),
    "vulnerabilities": (("host", "ip"), ("cve",)),
    "windows": (("scope",), ("since",), ("until",)),
    "leases": (("ip",), ("host", "mac"), ("since",), ("until",)),
}
"""By kind of table: of each of these groups, one field must have a column."""


def columns_of(
    kind: str, headers: tuple[str, ...], mapping: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    """Header by field, and what is wrong with the choice (empty when it will do).

    `mapping` (field to header) comes first; then the well-known headers, each used once.
    """
    known = HEADERS[kind]
    for field, header in mapping.items():
        if field not in known:
            return {}, f"{field} is no field of {kind}: there are {', '.join(known)}"
        if header not in headers:
            return {}, f"there is no column {header[:MAX_TEXT]}: there are {', '.join(headers)}"
    plain = {re.sub(r"[^a-z0-9]", "", header.lower()): header for header in reversed(headers)}
    chosen = dict(mapping)
    for field, names in known.items():
        free = (plain[name] for name in names if name in plain)
        found = next((header for header in free if header not in chosen.values()), None)
        if field not in chosen and found is not None:
            chosen[field] = found
    for group in REQUIRED[kind]:
        if not any(field in chosen for field in group):
            wanted = " or ".join(group)
            return {}, f"no column says {wanted}: name it in a mapping ({wanted.split()[0]}: ...)"
    return chosen, ""
