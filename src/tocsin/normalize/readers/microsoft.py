"""Records of Microsoft's cloud services, which put JSON into text and records into envelopes.

The same row reaches a collector as an event of an event hub or a storage account (the row is in
`properties`), as a row of a table of Log Analytics and Sentinel (`TimeGenerated`, `Type`), or as
it stands. An audit record of Microsoft 365 comes alone, or as the text `AuditData` of what the
portal and its PowerShell commands export.
"""

from typing import Any

import orjson

from tocsin.normalize.readers.documents import nested

MAX_EMBEDDED = 1 << 20
"""Characters of a text that is read as JSON; a longer one stays text."""
_OPENS = ("{", "[")


def embedded(value: Any) -> Any:
    """JSON that was put into a text, as what it says; anything else as it stands."""
    if type(value) is not str or not value.startswith(_OPENS) or len(value) > MAX_EMBEDDED:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose fields of JSON text are objects and lists."""
    return {name: embedded(value) for name, value in row.items()}


def _body(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The object at `name`, also where it is written as text."""
    body = embedded(document.get(name))
    return body if type(body) is dict else None


def azure_text(document: dict[str, Any]) -> dict[str, Any] | None:
    """A record of Azure Monitor whose `properties` are JSON in a text, as if they were an object.

    Fields have the names that `nested` gives them.
    """
    if type(document.get("properties")) is not str:
        return None
    properties = _body(document, "properties")
    return None if properties is None else nested(document | {"properties": properties})


_TABLE = "AdvancedHunting-"
"""What stands before the name of a table in the category of a streamed row."""


def hunting(document: dict[str, Any]) -> dict[str, Any] | None:
    """A row of a table of Defender XDR's advanced hunting, its columns at the top.

    `Table` is the name of its table. Columns of JSON text (`AdditionalFields`) are read, and what
    they hold has dotted names. Of the envelope `time`, `tenantId` and the like keep their names.
    The case of the columns is Microsoft's, whatever a collector made of it. A registry key is
    `TargetObject` as well.
    """
    lower = {name.lower(): value for name, value in document.items()}
    row = _body(lower, "properties") or document
    table = _table(lower.get("category"), lower.get("type"), lower.get("$table"))
    if not table:
        return None
    fields = nested(_opened({_COLUMNS.get(n.lower(), n): value for n, value in row.items()}))
    for name, value in document.items():
        if row is not document and name != "properties" and value is not None:
            fields.setdefault(name, value)
    fields["Table"] = table
    key = fields.get("RegistryKey", fields.get("PreviousRegistryKey"))
    if type(key) is str:
        fields["TargetObject"] = _target_object(key, fields.get("RegistryValueName"))
    addresses = fields.get("IPAddress")
    if type(addresses) is str and "," in addresses:
        fields["IPAddress"] = addresses.partition(",")[0]
        fields["IPAddresses"] = addresses
    return fields


_HIVES = {"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_USERS": "HKU", "HKEY_CURRENT_USER": "HKCU"}


def _target_object(key: str, value: Any) -> str:
    """`TargetObject`: a key with its value as Sysmon writes them and rules look for them."""
    hive, slash, path = key.partition("\\")
    name = f"\\{value}" if type(value) is str and value else ""
    return f"{_HIVES.get(hive.upper(), hive)}{slash}{path}{name}"


def _table(category: Any, *others: Any) -> str:
    """The name of the table: behind `AdvancedHunting-`, or as it stands."""
    if type(category) is str and category.lower().startswith(_TABLE.lower()):
        return category[len(_TABLE) :]
    return next((name for name in (*others, category) if type(name) is str), "")


_NAMES = """
AccountDisplayName AccountDomain AccountId AccountName AccountObjectId AccountSid AccountType
AccountUpn Action ActionResult ActionTrigger ActionType ActivityObjects ActivityType
AdditionalFields AlertId Application ApplicationId AttachmentCount AttackTechniques
AuthenticationDetails AzureResourceId Categories Category City ClientIP CountryCode
DeliveryAction DeliveryLocation DestinationDeviceName DestinationIPAddress DestinationPort
DetectionMethods DetectionSource DeviceId DeviceName DeviceType Directory EmailAction
EmailDirection EmailSubject EntityType EvidenceRole FailureReason FileName FileOriginIP
FileOriginUrl FileSize FileType FolderPath InitiatingProcessAccountDomain
InitiatingProcessAccountName InitiatingProcessAccountObjectId InitiatingProcessAccountSid
InitiatingProcessAccountUpn InitiatingProcessCommandLine InitiatingProcessCreationTime
InitiatingProcessFileName InitiatingProcessFileSize InitiatingProcessFolderPath
InitiatingProcessId InitiatingProcessIntegrityLevel InitiatingProcessLogonId
InitiatingProcessMD5 InitiatingProcessParentCreationTime InitiatingProcessParentFileName
InitiatingProcessParentId InitiatingProcessSHA1 InitiatingProcessSHA256
InitiatingProcessTokenElevation InitiatingProcessUniqueId
InitiatingProcessVersionInfoCompanyName InitiatingProcessVersionInfoFileDescription
InitiatingProcessVersionInfoInternalFileName InitiatingProcessVersionInfoOriginalFileName
InitiatingProcessVersionInfoProductName InitiatingProcessVersionInfoProductVersion
InternetMessageId IPAddress IsAdminOperation IsClickedThrough IsLocalAdmin ISP JoinType
LatestDeliveryAction LatestDeliveryLocation LocalIP LocalIPType LocalPort Location LoggedOnUsers
LogonId LogonType MacAddress MachineGroup MD5 Model NetworkMessageId ObjectId ObjectName
ObjectType OperationName OSArchitecture OSBuild OSDistribution OSPlatform OSVersion Port
PreviousFileName PreviousFolderPath PreviousRegistryKey PreviousRegistryValueData
PreviousRegistryValueName ProcessCommandLine ProcessCreationTime ProcessId ProcessIntegrityLevel
ProcessTokenElevation ProcessUniqueId ProcessVersionInfoCompanyName
ProcessVersionInfoFileDescription ProcessVersionInfoInternalFileName
ProcessVersionInfoOriginalFileName ProcessVersionInfoProductName
ProcessVersionInfoProductVersion Protocol PublicIP Query QueryTarget QueryType RawEventData
RecipientDetails RecipientEmailAddress RecipientObjectId RegistryKey RegistryValueData
RegistryValueName RegistryValueType RemoteDeviceName RemoteIP RemoteIPType RemotePort RemoteUrl
ReportId RequestAccountDomain RequestAccountName RequestAccountSid RequestProtocol
RequestSourceIP RequestSourcePort SenderDisplayName SenderEmailAddress SenderFromAddress
SenderFromDomain SenderIPv4 SenderIPv6 SenderMailFromAddress SenderObjectId ServiceSource
Severity SHA1 SHA256 ShareName Subject TargetAccountDisplayName TargetAccountUpn
TargetDeviceName ThreatFamily ThreatNames ThreatTypes TimeGenerated Timestamp Title Url UrlChain
UrlCount UrlDomain UserAgent Vendor Workload
"""

_COLUMNS = {name.lower(): name for name in _NAMES.split()}
"""Columns by their name in lower case; of the tables' reference, what mappings and rules use."""


def m365_audit(document: dict[str, Any]) -> dict[str, Any] | None:
    """An audit record of Microsoft 365, alone or as `AuditData` of an export.

    Fields of JSON text (`Data`) are read; what objects hold has dotted names. What stands around
    `AuditData` is `Export.Identity` and so on. A list of names and values (`Parameters`,
    `ExtendedProperties`) gives each value under its name too: `Parameters.ForwardTo`.
    """
    key = "AuditData" if "AuditData" in document else "auditData"
    body = _body(document, key)
    around = {f"Export.{n}": v for n, v in document.items() if body is not None and n != key}
    record = _opened(document if body is None else body)
    if "creationtime" in record:
        record = {_AUDITED.get(name, name): value for name, value in record.items()}
    fields = nested(record)
    for name in _NAMED:
        _by_name(fields, name, record.get(name))
    fields.update(around)
    for name, value in (("User", _user(record)), ("Mailbox", _mailbox(record))):
        if value:
            fields.setdefault(name, value)
    fields.update(_target(record.get("Target")))
    return fields


_PREFIXES = ("urn:spo:guest#", "i:0#.f|membership|", "i:0h.f|membership|")
"""What SharePoint writes before the name of a guest or of whoever signed in with claims."""


def _user(record: dict[str, Any]) -> str:
    """`User`: the name in `UserId`, without how SharePoint encodes where it comes from."""
    name = record.get("UserId")
    if type(name) is not str:
        return ""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _mailbox(record: dict[str, Any]) -> str:
    """`Mailbox`: the owner's address, where it is one."""
    owner = record.get("MailboxOwnerUPN")
    return owner if type(owner) is str and "@" in owner else ""


_UPN = 5
_GUID_LENGTH = 36


def _target(target: Any) -> dict[str, Any]:
    """`TargetUpn` and `TargetUid` out of Entra's list of names for one object."""
    found: dict[str, Any] = {}
    for item in target[:_MAX_NAMED] if type(target) is list else ():
        name = item.get("ID") if type(item) is dict else None
        if type(name) is not str:
            continue
        if item.get("Type") == _UPN:
            found.setdefault("TargetUpn", name)
        elif len(name) == _GUID_LENGTH:
            found.setdefault("TargetUid", name)
    return found


_AUDIT_NAMES = """
ActorIpAddress AlertId AlertLinks AppAccessContext AppId AppName ApplicationDisplayName
ApplicationId Category ClientAppId ClientIP ClientIPAddress ClientInfoString Comments CorrelationId
CreationTime Data DeepLinkUrl Directionality EndpointMetaData ExtendedProperties ExternalAccess
ExtraProperties FileName FileSize FileSizeBytes Id IncidentId InterSystemsId InternetMessageId
InvestigationId InvestigationName InvestigationType Item ItemName ItemType ListItemUniqueId
LogonError LogonType MD5Hash MailboxOwnerUPN ModifiedProperties Name NetworkMessageId ObjectId
Operation OperationProperties OrganizationId OrganizationName OriginatingServer P1Sender P2Sender
Parameters PolicyDetails PolicyId Recipients RecordType ResultStatus SHA256Hash SenderIp SessionId
Severity SharePointMetaData Site SiteUrl Source SourceFileExtension SourceFileName
SourceRelativeUrl Status Subject Target TargetUserOrGroupName Url UrlClickAction UserAgent UserId
UserIp UserKey UserSessionId UserType Version VirusInfo Workload
"""
_AUDITED = {name.lower(): name for name in _AUDIT_NAMES.split()}
"""Fields of audit records by their name in lower case, as some collectors write all of them."""

_NAMED = ("ExtendedProperties", "ExtraProperties", "Parameters", "OperationProperties")
_MAX_NAMED = 200


def _by_name(fields: dict[str, Any], prefix: str, pairs: Any) -> None:
    for pair in pairs[:_MAX_NAMED] if type(pairs) is list else ():
        if type(pair) is dict:
            name = pair.get("Name", pair.get("Key"))
            if type(name) is str and pair.get("Value") not in (None, ""):
                fields.setdefault(f"{prefix}.{name}", pair["Value"])
