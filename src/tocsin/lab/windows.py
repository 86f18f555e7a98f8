"""The kinds of Windows event records and the fields that never change within a kind.

Names and numbers are those of the providers themselves, laid out flat as NXLog's im_msvistalog
writes them.
"""

from typing import Any, NamedTuple

SYSMON = "Microsoft-Windows-Sysmon/Operational"
SECURITY = "Security"
SYSTEM_LOG = "System"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
CLASSIC_POWERSHELL = "Windows PowerShell"

_AUDIT_SUCCESS = -9214364837600034816
_AUDIT_FAILURE = -9218868437227405312
_COLLECTOR = {"SourceModuleName": "eventlog", "SourceModuleType": "im_msvistalog"}
_INFO: dict[str, Any] = {"EventType": "INFO", "Severity": "INFO", "SeverityValue": 2}
_BY_SYSTEM = {
    "AccountName": "SYSTEM",
    "AccountType": "User",
    "Domain": "NT AUTHORITY",
    "UserID": "S-1-5-18",
}


class Kind(NamedTuple):
    """One kind of record: its channel and the fields common to all records of the kind."""

    channel: str
    event_id: int
    header: dict[str, Any]
    slug: str

    @property
    def sysmon(self) -> bool:
        """Whether records carry Sysmon's own UtcTime."""
        return self.slug == "sysmon"


def _sysmon(event_id: int, version: int, category: str, message: str) -> Kind:
    header = {
        "Channel": SYSMON,
        "EventID": event_id,
        "SourceName": "Microsoft-Windows-Sysmon",
        "ProviderGuid": "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}",
        "Version": version,
        "Task": event_id,
        "Category": category,
        "Opcode": "Info",
        "OpcodeValue": 0,
        "Keywords": -9223372036854775808,
        "Message": message,
        "RuleName": "-",
        "ExecutionProcessID": 3284,
        **_INFO,
        **_BY_SYSTEM,
        **_COLLECTOR,
    }
    return Kind(SYSMON, event_id, header, "sysmon")


def _security(
    event_id: int, task: int, category: str, message: str, *, failure: bool = False
) -> Kind:
    header = {
        "Channel": SECURITY,
        "EventID": event_id,
        "SourceName": "Microsoft-Windows-Security-Auditing",
        "ProviderGuid": "{54849625-5478-4994-A5BA-3E3B0328C30D}",
        "Version": 0,
        "Task": task,
        "Category": category,
        "Opcode": "Info",
        "OpcodeValue": 0,
        "Keywords": _AUDIT_FAILURE if failure else _AUDIT_SUCCESS,
        "EventType": "AUDIT_FAILURE" if failure else "AUDIT_SUCCESS",
        "Severity": "ERROR" if failure else "INFO",
        "SeverityValue": 4 if failure else 2,
        "Message": message,
        "ExecutionProcessID": 4,
        **_COLLECTOR,
    }
    return Kind(SECURITY, event_id, header, "security")


def _services(event_id: int, message: str) -> Kind:
    header = {
        "Channel": SYSTEM_LOG,
        "EventID": event_id,
        "SourceName": "Service Control Manager",
        "ProviderGuid": "{555908D1-A6D7-4695-8E1E-26931D2012F4}",
        "Version": 0,
        "Task": 0,
        "OpcodeValue": 0,
        "Keywords": -9187343239835811840,
        "Message": message,
        "ExecutionProcessID": 704,
        **_INFO,
        **_COLLECTOR,
    }
    return Kind(SYSTEM_LOG, event_id, header, "system")


PROCESS_CREATED = _sysmon(1, 5, "Process Create (rule: ProcessCreate)", "Process Create:")
NETWORK = _sysmon(
    3, 5, "Network connection detected (rule: NetworkConnect)", "Network connection detected:"
)
PROCESS_ENDED = _sysmon(5, 3, "Process terminated (rule: ProcessTerminate)", "Process terminated:")
IMAGE_LOADED = _sysmon(7, 3, "Image loaded (rule: ImageLoad)", "Image loaded:")
REMOTE_THREAD = _sysmon(
    8, 2, "CreateRemoteThread detected (rule: CreateRemoteThread)", "CreateRemoteThread detected:"
)
PROCESS_ACCESS = _sysmon(10, 3, "Process accessed (rule: ProcessAccess)", "Process accessed:")
FILE_CREATED = _sysmon(11, 2, "File created (rule: FileCreate)", "File created:")
REGISTRY_SET = _sysmon(13, 2, "Registry value set (rule: RegistryEvent)", "Registry value set:")
PIPE_CREATED = _sysmon(17, 1, "Pipe Created (rule: PipeEvent)", "Pipe Created:")
PIPE_CONNECTED = _sysmon(18, 1, "Pipe Connected (rule: PipeEvent)", "Pipe Connected:")
DNS_QUERY = _sysmon(22, 5, "Dns query (rule: DnsQuery)", "Dns query:")
FILE_DELETED = _sysmon(23, 5, "File Delete (rule: FileDelete)", "File Delete:")

LOGON = _security(4624, 12544, "Logon", "An account was successfully logged on.")
LOGON_FAILED = _security(4625, 12544, "Logon", "An account failed to log on.", failure=True)
LOGOFF = _security(4634, 12545, "Logoff", "An account was logged off.")
EXPLICIT_LOGON = _security(
    4648, 12544, "Logon", "A logon was attempted using explicit credentials."
)
SPECIAL_LOGON = _security(4672, 12548, "Special Logon", "Special privileges assigned to new logon.")
AUDIT_PROCESS = _security(4688, 13312, "Process Creation", "A new process has been created.")
AUDIT_EXIT = _security(4689, 13313, "Process Termination", "A process has exited.")
SERVICE_AUDIT = _security(
    4697, 12289, "Security System Extension", "A service was installed in the system."
)
TASK_CREATED = _security(4698, 12804, "Other Object Access Events", "A scheduled task was created.")
TICKET_GRANTED = _security(
    4768,
    14339,
    "Kerberos Authentication Service",
    "A Kerberos authentication ticket (TGT) was requested.",
)
TICKET_USED = _security(
    4769, 14337, "Kerberos Service Ticket Operations", "A Kerberos service ticket was requested."
)
PREAUTH_FAILED = _security(
    4771,
    14339,
    "Kerberos Authentication Service",
    "Kerberos pre-authentication failed.",
    failure=True,
)
ACCOUNT_CREATED = _security(4720, 13824, "User Account Management", "A user account was created.")
ACCOUNT_ENABLED = _security(4722, 13824, "User Account Management", "A user account was enabled.")
PASSWORD_RESET = _security(
    4724,
    13824,
    "User Account Management",
    "An attempt was made to reset an account's password.",
)
ACCOUNT_CHANGED = _security(4738, 13824, "User Account Management", "A user account was changed.")
ACCOUNT_LOCKED = _security(4740, 13824, "User Account Management", "A user account was locked out.")
ACCOUNT_UNLOCKED = _security(4767, 13824, "User Account Management", "A user account was unlocked.")
GLOBAL_MEMBER_ADDED = _security(
    4728,
    13826,
    "Security Group Management",
    "A member was added to a security-enabled global group.",
)
LOCAL_MEMBER_ADDED = _security(
    4732,
    13826,
    "Security Group Management",
    "A member was added to a security-enabled local group.",
)
DIRECTORY_USED = _security(
    4662, 14080, "Directory Service Access", "An operation was performed on an object."
)
CREDENTIAL_CHECK = _security(
    4776,
    14336,
    "Credential Validation",
    "The computer attempted to validate the credentials for an account.",
)
GROUPS_LISTED = _security(
    4799,
    13826,
    "Security Group Management",
    "A security-enabled local group membership was enumerated.",
)
SHARE_OPENED = _security(5140, 12808, "File Share", "A network share object was accessed.")
SHARE_FILE = _security(
    5145,
    12811,
    "Detailed File Share",
    "A network share object was checked to see whether client can be granted desired access.",
)
CONNECTION_ALLOWED = _security(
    5156,
    12810,
    "Filtering Platform Connection",
    "The Windows Filtering Platform has permitted a connection.",
)

SERVICE_STATE = _services(7036, "A service entered another state.")
SERVICE_START_TYPE = _services(7040, "The start type of a service was changed.")
SERVICE_INSTALLED = _services(7045, "A service was installed in the system.")

LOG_CLEARED = Kind(
    SECURITY,
    1102,
    {
        "Channel": SECURITY,
        "EventID": 1102,
        "SourceName": "Microsoft-Windows-Eventlog",
        "ProviderGuid": "{FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148}",
        "Version": 0,
        "Task": 104,
        "Category": "Log clear",
        "Opcode": "Info",
        "OpcodeValue": 0,
        "Keywords": 4620693217682128896,
        "Message": "The audit log was cleared.",
        "ExecutionProcessID": 1204,
        **_INFO,
        **_COLLECTOR,
    },
    "security",
)

_SCRIPTS = {
    "SourceName": "Microsoft-Windows-PowerShell",
    "ProviderGuid": "{A0C1853B-5C40-4B15-8766-3CF1C58F985A}",
    "Version": 1,
    "Keywords": 0,
    **_COLLECTOR,
}
SCRIPT_BLOCK = Kind(
    POWERSHELL,
    4104,
    {
        "Channel": POWERSHELL,
        "EventID": 4104,
        "Task": 2,
        "Category": "Execute a Remote Command",
        "Opcode": "On create calls",
        "OpcodeValue": 15,
        "EventType": "VERBOSE",
        "Severity": "DEBUG",
        "SeverityValue": 1,
        **_SCRIPTS,
    },
    "powershell",
)
PIPELINE = Kind(
    POWERSHELL,
    4103,
    {
        "Channel": POWERSHELL,
        "EventID": 4103,
        "Task": 106,
        "Category": "Executing Pipeline",
        "Opcode": "To be used when operation is just executing a method",
        "OpcodeValue": 20,
        **_INFO,
        **_SCRIPTS,
    },
    "powershell",
)
ENGINE_STARTED = Kind(
    CLASSIC_POWERSHELL,
    400,
    {
        "Channel": CLASSIC_POWERSHELL,
        "EventID": 400,
        "SourceName": "PowerShell",
        "Task": 4,
        "Category": "Engine Lifecycle",
        "Opcode": "Info",
        "Keywords": 36028797018963968,
        "ExecutionProcessID": 0,
        "Message": "Engine state is changed from None to Available.",
        **_INFO,
        **_COLLECTOR,
    },
    "windows-powershell",
)
