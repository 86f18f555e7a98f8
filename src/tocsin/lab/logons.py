"""Who logs on where: the records on the target and on the domain controller that vouched."""

from tocsin.lab.hosts import Host, Session
from tocsin.lab.people import DNS_DOMAIN, DOMAIN, Account
from tocsin.lab.windows import (
    CREDENTIAL_CHECK,
    EXPLICIT_LOGON,
    LOGOFF,
    LOGON,
    LOGON_FAILED,
    SHARE_FILE,
    SHARE_OPENED,
    SPECIAL_LOGON,
    TICKET_GRANTED,
    TICKET_USED,
)
from tocsin.lab.world import World

_PRIVILEGES = (
    "SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\t\t\tSeRestorePrivilege\r\n\t\t\t"
    "SeTakeOwnershipPrivilege\r\n\t\t\tSeDebugPrivilege\r\n\t\t\tSeImpersonatePrivilege"
)
_SHARES = {
    "ADMIN$": "\\??\\C:\\Windows",
    "SYSVOL": "\\??\\C:\\Windows\\SYSVOL\\sysvol",
    "Shared": "\\??\\D:\\Shared",
}
"""Where shares lie on their host; IPC$ lies nowhere."""
_NETWORK = 3


def log_on(world: World, host: Host, account: Account, kind: int, source: Host) -> Session:
    """Log `account` on to `host` from `source`; the domain controller issues the tickets first."""
    if account.domain == DOMAIN:
        ticket(world, account, source, host.account.name, host.account.sid)
    session = host.session(account, kind)
    remote = source is not host
    local = kind in (2, 7, 11)
    subject = host.account if local else None
    world.log(
        host,
        LOGON,
        {
            "Version": 2,
            "SubjectUserSid": "S-1-5-18" if subject else "S-1-0-0",
            "SubjectUserName": subject.name if subject else "-",
            "SubjectDomainName": subject.domain if subject else "-",
            "SubjectLogonId": "0x3e7" if subject else "0x0",
            "TargetUserSid": account.sid,
            "TargetUserName": account.name,
            "TargetDomainName": account.domain,
            "TargetLogonId": session.hex_id,
            "LogonType": str(kind),
            "LogonProcessName": "User32 " if local or kind == 10 else "Kerberos",  # noqa: PLR2004 (remote interactive)
            "AuthenticationPackageName": "Negotiate" if local else "Kerberos",
            "WorkstationName": host.name if local else "-",
            "LogonGuid": _guid(host),
            "TransmittedServices": "-",
            "LmPackageName": "-",
            "KeyLength": "0",
            "ProcessId": hex(host.system["svchost:netsvcs"].pid) if local else "0x0",
            "ProcessName": "C:\\Windows\\System32\\svchost.exe" if local else "-",
            "IpAddress": source.address if remote else "127.0.0.1",
            "IpPort": str(host.random.randrange(49_152, 65_535)) if remote else "0",
            "ImpersonationLevel": "%%1833",
            "RestrictedAdminMode": "-",
            "TargetOutboundUserName": "-",
            "TargetOutboundDomainName": "-",
            "VirtualAccount": "%%1843",
            "TargetLinkedLogonId": "0x0",
            "ElevatedToken": "%%1842" if account.elevated else "%%1843",
        },
    )
    if account.elevated:
        world.log(
            host,
            SPECIAL_LOGON,
            {
                "SubjectUserSid": account.sid,
                "SubjectUserName": account.name,
                "SubjectDomainName": account.domain,
                "SubjectLogonId": session.hex_id,
                "PrivilegeList": _PRIVILEGES,
            },
        )
    return session


def log_off(world: World, session: Session) -> None:
    """End a session."""
    account = session.account
    world.log(
        session.host,
        LOGOFF,
        {
            "TargetUserSid": account.sid,
            "TargetUserName": account.name,
            "TargetDomainName": account.domain,
            "TargetLogonId": session.hex_id,
            "LogonType": str(session.kind),
        },
    )


def ticket_granting(world: World, account: Account, source: Host) -> None:
    """The domain controller issues a ticket-granting ticket."""
    world.log(
        world.hosts["DC01"],
        TICKET_GRANTED,
        {
            "TargetUserName": account.name,
            "TargetDomainName": DNS_DOMAIN.upper(),
            "TargetSid": account.sid,
            "ServiceName": "krbtgt",
            "ServiceSid": "S-1-5-21-1870442312-602218493-3154820971-502",
            "TicketOptions": "0x40810010",
            "Status": "0x0",
            "TicketEncryptionType": "0x12",
            "PreAuthType": "2",
            "IpAddress": f"::ffff:{source.address}",
            "IpPort": str(source.random.randrange(49_152, 65_535)),
        },
    )


def ticket(
    world: World,
    account: Account,
    source: Host,
    service: str,
    service_sid: str,
    encryption: str = "0x12",
) -> None:
    """The domain controller issues a service ticket; 0x12 is AES-256, 0x17 is RC4."""
    domain = DNS_DOMAIN.upper()
    world.log(
        world.hosts["DC01"],
        TICKET_USED,
        {
            "TargetUserName": f"{account.name}@{domain}",
            "TargetDomainName": domain,
            "ServiceName": service,
            "ServiceSid": service_sid,
            "TicketOptions": "0x40810000",
            "TicketEncryptionType": encryption,
            "IpAddress": f"::ffff:{source.address}",
            "IpPort": str(source.random.randrange(49_152, 65_535)),
            "Status": "0x0",
            "LogonGuid": _guid(source),
            "TransmittedServices": "-",
        },
    )


def fail(world: World, host: Host, name: str, source: Host, *, unknown: bool = False) -> None:
    """A wrong password, or with `unknown` a name that does not exist, over the network."""
    sub_status = "0xc0000064" if unknown else "0xc000006a"
    world.log(
        host,
        LOGON_FAILED,
        {
            "SubjectUserSid": "S-1-0-0",
            "SubjectUserName": "-",
            "SubjectDomainName": "-",
            "SubjectLogonId": "0x0",
            "TargetUserSid": "S-1-0-0",
            "TargetUserName": name,
            "TargetDomainName": DOMAIN,
            "Status": "0xc000006d",
            "FailureReason": "%%2313",
            "SubStatus": sub_status,
            "LogonType": str(_NETWORK),
            "LogonProcessName": "NtLmSsp ",
            "AuthenticationPackageName": "NTLM",
            "WorkstationName": source.name,
            "TransmittedServices": "-",
            "LmPackageName": "-",
            "KeyLength": "0",
            "ProcessId": "0x0",
            "ProcessName": "-",
            "IpAddress": source.address,
            "IpPort": str(host.random.randrange(30_000, 65_535)),
        },
    )
    if not unknown:
        world.log(
            world.hosts["DC01"],
            CREDENTIAL_CHECK,
            {
                "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
                "TargetUserName": name,
                "Workstation": source.name,
                "Status": "0xc000006a",
                "EventType": "AUDIT_FAILURE",
            },
        )


def run_as(world: World, session: Session, account: Account, target: Host, image: str) -> None:
    """Use another account's password from inside a session."""
    subject = session.account
    world.log(
        session.host,
        EXPLICIT_LOGON,
        {
            "SubjectUserSid": subject.sid,
            "SubjectUserName": subject.name,
            "SubjectDomainName": subject.domain,
            "SubjectLogonId": session.hex_id,
            "LogonGuid": "{00000000-0000-0000-0000-000000000000}",
            "TargetUserName": account.name,
            "TargetDomainName": account.domain,
            "TargetLogonGuid": "{00000000-0000-0000-0000-000000000000}",
            "TargetServerName": target.full_name,
            "TargetInfo": target.full_name,
            "ProcessId": hex(session.host.random.randrange(200, 4000) * 4),
            "ProcessName": image,
            "IpAddress": "-",
            "IpPort": "-",
        },
    )


def open_share(world: World, session: Session, source: Host, share: str) -> None:
    """Open a share of the host that the session is on."""
    world.log(session.host, SHARE_OPENED, _share(session, source, share))


def use_file(
    world: World,
    session: Session,
    source: Host,
    share: str,
    path: str,
    *,
    write: bool = False,
) -> None:
    """Read or write a file below a share."""
    data = _share(session, source, share)
    data["RelativeTargetName"] = path
    data["AccessMask"] = "0x120196" if write else "0x120089"
    data["AccessReason"] = "-"
    data["AccessList"] = "%%4417\r\n\t\t\t\t" if write else "%%4416\r\n\t\t\t\t"
    world.log(session.host, SHARE_FILE, data)


def _share(session: Session, source: Host, share: str) -> dict[str, str]:
    account = session.account
    path = _SHARES.get(share)
    return {
        **({"ShareLocalPath": path} if path else {}),
        "SubjectUserSid": account.sid,
        "SubjectUserName": account.name,
        "SubjectDomainName": account.domain,
        "SubjectLogonId": session.hex_id,
        "ObjectType": "File",
        "IpAddress": source.address,
        "IpPort": str(source.random.randrange(49_152, 65_535)),
        "ShareName": f"\\\\*\\{share}",
        "AccessMask": "0x1",
        "AccessList": "%%4416\r\n\t\t\t\t",
    }


def _guid(host: Host) -> str:
    bits = f"{host.random.getrandbits(128):032x}"
    return f"{{{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}}}"
