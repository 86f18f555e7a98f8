"""Logs of Palo Alto Networks firewalls and Panorama in their default syslog format: CSV.

Which field stands where depends on the type of log, in the fourth column. The orders are those of
the PAN-OS Administrator's Guide, "Syslog Field Descriptions"; newer releases add columns at the end
only. Fields have the names that the same logs have in JSON (Strata Logging Service).
"""

import re
from typing import Any

from tocsin.normalize.readers.lines import before, syslog

_START = re.compile(
    r"(?<![^\s:>])\d{0,3},\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,[^,]{0,32},(?P<type>[A-Z][A-Z\-]{2,24}),"
)
_HEAD = 512
"""Characters in which the record must begin: a syslog header may stand before it."""
_CELL = re.compile(r'"((?:[^"]|"")*)"(?=,|\s*$)|([^,]*)')
_PRECISE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[+-]\d\d:\d{1,2}|Z)")
"""The time of day with a fraction and an offset, which PAN-OS 10 and later write near the end.
Where a line was cut, the offset lacks its last digit: offsets are multiples of 15 minutes."""
_CUT = {"0": "0", "3": "0", "4": "5"}
_WHOLE = len("+00:00")
MAX_TEXT = 64 * 1024
MAX_CELLS = 512

_COMMON = "- LogTime LogSourceID LogType Subtype - TimeGenerated"
_GROUPS = "DGHierarchyLevel1 DGHierarchyLevel2 DGHierarchyLevel3 DGHierarchyLevel4"
_DEVICE = f"SequenceNo ActionFlags {_GROUPS} VirtualSystemName DeviceName"
_SESSION = (
    f"{_COMMON} SourceAddress DestinationAddress NATSource NATDestination Rule SourceUser"
    " DestinationUser Application VirtualLocation FromZone ToZone InboundInterface"
    " OutboundInterface LogSetting - SessionID RepeatCount SourcePort DestinationPort"
    " NATSourcePort NATDestinationPort Flags Protocol Action"
)
_WHERE = "SequenceNo ActionFlags SourceLocation DestinationLocation -"
_TRAFFIC = (
    f"{_SESSION} Bytes BytesSent BytesReceived PacketsTotal SessionStartTime SessionDuration"
    f" URLCategory - {_WHERE} PacketsSent PacketsReceived SessionEndReason {_GROUPS}"
    " VirtualSystemName DeviceName ActionSource SourceUUID DestinationUUID IMSI IMEI"
    " ParentSessionID ParentStarttime Tunnel EndpointAssociationID ChunksTotal ChunksSent"
    " ChunksReceived RuleUUID"
)
_THREAT = (
    f"{_SESSION} FileName ThreatID URLCategory VendorSeverity DirectionOfAttack {_WHERE}"
    " ContentType PacketID FileHash ApplianceOrCloud URLCounter UserAgent FileType"
    " X-Forwarded-For Referer SenderEmail EmailSubject RecipientEmail ReportID"
    f" {_GROUPS} VirtualSystemName DeviceName - SourceUUID DestinationUUID HTTPMethod IMSI IMEI"
    " ParentSessionID ParentStarttime Tunnel ThreatCategory ContentVersion - EndpointAssociationID"
    " PayloadProtocolID HTTPHeaders URLCategoryList RuleUUID"
)
_COLUMNS = {
    "TRAFFIC": _TRAFFIC,
    "THREAT": _THREAT,
    "SYSTEM": f"{_COMMON} VirtualLocation EventName EventComponent - - Module VendorSeverity"
    f" EventDescription {_DEVICE}",
    "CONFIG": f"{_COMMON} SourceAddress VirtualLocation EventCommand EventUser ClientType"
    f" EventResult ConfigPath {_DEVICE}",
    "HIPMATCH": f"{_COMMON} SourceUser VirtualLocation EndpointDeviceName EndpointOSType SourceIP"
    f" HipMatchName RepeatCount HipMatchType - - {_DEVICE} VirtualSystemID SourceIPv6 HostID"
    " EndpointSerialNumber SourceDeviceMac",
    "GLOBALPROTECT": f"{_COMMON} VirtualSystem EventIDValue Stage AuthMethod TunnelType"
    " SourceUserName SourceRegion EndpointDeviceName PublicIPv4 PublicIPv6 PrivateIPv4 PrivateIPv6"
    " HostID EndpointSN GlobalProtectClientVersion EndpointOSType EndpointOSVersion RepeatCount"
    " QuarantineReason ConnectionError Description EventStatus GlobalProtectGatewayLocation"
    " LoginDuration ConnectionMethod ConnectionErrorID Portal SequenceNo ActionFlags"
    " TimeGeneratedHighResolution GatewaySelectionType SSLResponseTime GatewayPriority"
    f" AttemptedGateways Gateway {_GROUPS} VirtualSystemName DeviceName VirtualSystemID",
    "USERID": f"{_COMMON} VirtualLocation SourceIP User DataSourceName EventIDValue RepeatCount"
    f" MappingTimeout SourcePort DestinationPort MappingDataSource MappingDataSourceType {_DEVICE}"
    " VirtualSystemID MFAFactorType AuthCompletionTime AuthFactorNo",
    "AUTHENTICATION": f"{_COMMON} VirtualLocation SourceIP User NormalizeUser Object"
    " AuthenticationPolicy RepeatCount MFAAuthenticationID MFAVendor LogSetting AuthServerProfile"
    f" AuthenticationDescription ClientType AuthEvent AuthFactorNo {_DEVICE} VirtualSystemID"
    " AuthenticationProtocol RuleUUID",
    "DECRYPTION": f"{_SESSION} Tunnel - - SourceUUID DestinationUUID RuleUUID"
    " ClientToFirewall FirewallToServer TLSVersion TLSKeyExchange TLSEncryptionAlgorithm TLSAuth"
    " PolicyName EllipticCurve ErrorIndex RootStatus ChainStatus ProxyType CertificateSerial"
    " Fingerprint CertificateNotBefore CertificateNotAfter CertificateVersion CertificateSize"
    " CommonNameLength IssuerNameLength RootCNLength SNILength CertificateFlags CommonName"
    " IssuerCommonName RootCommonName ServerNameIndication ErrorMessage",
    "IPTAG": f"{_COMMON} VirtualLocation SourceIP TagName EventIDValue RepeatCount MappingTimeout"
    f" MappingDataSourceName MappingDataSourceType MappingDataSourceSubType {_DEVICE}"
    " VirtualSystemID",
    "CORRELATION": f"{_COMMON} SourceAddress SourceUser VirtualLocation Category VendorSeverity"
    f" {_GROUPS} VirtualSystemName DeviceName VirtualSystemID ObjectName ObjectID EventDescription",
    "TUNNEL": f"{_SESSION} VendorSeverity {_WHERE} {_GROUPS} VirtualSystemName DeviceName IMSI IMEI"
    " ParentSessionID ParentStarttime Tunnel Bytes BytesSent BytesReceived PacketsTotal PacketsSent"
    " PacketsReceived",
}
_OTHER_NAMES = {
    "AUTH": "AUTHENTICATION",
    "HIP-MATCH": "HIPMATCH",
    "USER-ID": "USERID",
    "START": "TUNNEL",
    "END": "TUNNEL",
    "URL": "THREAT",
    "DATA": "THREAT",
    "WILDFIRE": "THREAT",
    "SCTP": "SESSION",
    "GTP": "SESSION",
}
_ORDERS = {
    **{kind: order.split() for kind, order in _COLUMNS.items()},
    "SESSION": _SESSION.split(),
    "": _COMMON.split(),
}


def paloalto_csv(text: str) -> dict[str, Any] | None:
    """The record as flat fields; None for text that is no such log.

    `LogType` is as written. Empty columns stay out; of a type that is not known there are the
    columns that all types have. `TimeGeneratedHighResolution` is found wherever it stands.
    """
    text = text[:MAX_TEXT]
    start = _START.search(text[:_HEAD])
    if start is None:
        return None
    fields: dict[str, Any] = {}
    if start.start():
        head = text[: start.start()]
        if before(head)[1] != "":
            return None
        host = (syslog(head.lstrip() + " ") or {}).get("host")
        if host:
            fields["syslog_host"] = host
    cells = _cells(text, start.start())
    kind = start["type"]
    order = _ORDERS.get(_OTHER_NAMES.get(kind, kind), _ORDERS[""])
    named = zip(order, cells, strict=False)
    fields.update((name, cell) for name, cell in named if cell and name != "-")
    precise = [cell for cell in cells[len(_ORDERS[""]) :] if _PRECISE.fullmatch(cell)]
    if precise:
        fields["TimeGeneratedHighResolution"] = _whole_offset(precise[0])
    return fields


def _whole_offset(time: str) -> str:
    cut = time[-_WHOLE + 1 :]
    return time + _CUT.get(cut[-1], "") if cut[0] in "+-" else time


def _cells(text: str, at: int) -> list[str]:
    """The columns of a line; a quoted one may hold commas, and quotes written twice."""
    cells: list[str] = []
    while at <= len(text) and len(cells) < MAX_CELLS:
        cell = _CELL.match(text, at)
        if cell is None:
            break
        quoted = cell[1]
        cells.append((cell[2] if quoted is None else quoted.replace('""', '"')).strip())
        at = cell.end() + 1
    return cells
