"""Who logs on where: the records on the target and on the domain controller that vouched."""

from tocsin.lab import samba
from tocsin.lab.hosts import Host, Route, Session
from tocsin.lab.people import DNS_DOMAIN, DOMAIN, Account
from tocsin.lab.windows import (
    ACCOUNT_LOCKED,
    CREDENTIAL_CHECK,
    EXPLICIT_LOGON,
    LOGOFF,
    LOGON,
    LOGON_FAILED,
    PREAUTH_FAILED,
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
_INTERACTIVE, _NETWORK = 2, 3
_SPNS = {
    "svc_backup": f"VaultbackSvc/bk01.{DNS_DOMAIN}",
    "svc_ledger": f"MSSQLSvc/app01.{DNS_DOMAIN}:1433",
}


def log_on(
    world: World,
    host: Host,
    account: Account,
    kind: int,
    source: Host,
    route: Route | None = None,
) -> Session:
    """Log `account` on to `host` from `source`; the domain controller issues the tickets first.

    Over the network `route` is the connection by which it comes.
    """
    if account.domain == DOMAIN:
        if kind == _INTERACTIVE:
            ticket_granting(world, account, source)
        ticket(world, account, source, host.account.name, host.account.sid)
    session = host.session(account, kind, route)
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
            "IpPort": _port(host, route) if remote else "0",
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


def unlock(world: World, session: Session) -> None:
    """A locked screen is opened again: Windows tells it as a logon of its own."""
    log_off(world, log_on(world, session.host, session.account, 7, session.host))


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
    """A domain controller issues a ticket-granting ticket."""
    controller = samba.controller(world, source)
    route = world.wire.kerberos(source.address, controller.address, account.name, "krbtgt")
    if controller.name == samba.NAME:
        samba.authenticated(world, account, route)
        return
    world.log(
        controller,
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
            "IpPort": str(route.source_port),
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
    """A domain controller issues a service ticket; 0x12 is AES-256, 0x17 is RC4."""
    domain = DNS_DOMAIN.upper()
    controller = samba.controller(world, source)
    route = world.wire.kerberos(
        source.address, controller.address, account.name, _spn(service), encryption
    )
    if controller.name == samba.NAME:
        return
    world.log(
        controller,
        TICKET_USED,
        {
            "TargetUserName": f"{account.name}@{domain}",
            "TargetDomainName": domain,
            "ServiceName": service,
            "ServiceSid": service_sid,
            "TicketOptions": "0x40810000",
            "TicketEncryptionType": encryption,
            "IpAddress": f"::ffff:{source.address}",
            "IpPort": str(route.source_port),
            "Status": "0x0",
            "LogonGuid": _guid(source),
            "TransmittedServices": "-",
        },
    )


def fail(
    world: World,
    host: Host,
    name: str,
    source: Host,
    *,
    unknown: bool = False,
    route: Route | None = None,
) -> None:
    """A wrong password, or with `unknown` a name that does not exist, over the network."""
    if route is not None:
        world.wire.ntlm(route, name, source.name, host, good=False)
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
            "IpPort": _port(host, route),
        },
    )
    if not unknown:
        world.log(
            world.controller,
            CREDENTIAL_CHECK,
            {
                "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
                "TargetUserName": name,
                "Workstation": source.name,
                "Status": "0xc000006a",
                "EventType": "AUDIT_FAILURE",
            },
        )


def refuse_ticket(world: World, account: Account, host: Host) -> None:
    """A first ticket is asked for from `host` with a wrong password."""
    controller = samba.controller(world, host)
    route = world.wire.kerberos(
        host.address, controller.address, account.name, "krbtgt", "KDC_ERR_PREAUTH_FAILED"
    )
    if controller.name == samba.NAME:
        samba.authenticated(world, account, route, "NT_STATUS_WRONG_PASSWORD")
    else:
        world.log(
            controller,
            PREAUTH_FAILED,
            {
                "TargetUserName": account.name,
                "TargetSid": account.sid,
                "ServiceName": f"krbtgt/{DOMAIN}",
                "TicketOptions": "0x40810010",
                "Status": "0x18",
                "PreAuthType": "2",
                "IpAddress": f"::ffff:{host.address}",
                "IpPort": str(route.source_port),
            },
        )


def mistype(world: World, host: Host, account: Account) -> None:
    """A wrong password at the own screen: the machine and the domain controller tell it."""
    refuse_ticket(world, account, host)
    world.log(
        host,
        LOGON_FAILED,
        {
            "SubjectUserSid": "S-1-5-18",
            "SubjectUserName": host.account.name,
            "SubjectDomainName": DOMAIN,
            "SubjectLogonId": "0x3e7",
            "TargetUserSid": "S-1-0-0",
            "TargetUserName": account.name,
            "TargetDomainName": account.domain,
            "Status": "0xc000006d",
            "FailureReason": "%%2313",
            "SubStatus": "0xc000006a",
            "LogonType": "2",
            "LogonProcessName": "User32 ",
            "AuthenticationPackageName": "Negotiate",
            "WorkstationName": host.name,
            "TransmittedServices": "-",
            "LmPackageName": "-",
            "KeyLength": "0",
            "ProcessId": hex(host.system["svchost:netsvcs"].pid),
            "ProcessName": "C:\\Windows\\System32\\svchost.exe",
            "IpAddress": "127.0.0.1",
            "IpPort": "0",
        },
    )


def lock(world: World, account: Account, source: Host) -> None:
    """Too many wrong passwords: the account is locked."""
    controller = world.controller
    world.log(
        controller,
        ACCOUNT_LOCKED,
        {
            "SubjectUserSid": "S-1-5-18",
            "SubjectUserName": controller.account.name,
            "SubjectDomainName": DOMAIN,
            "SubjectLogonId": "0x3e7",
            "TargetUserName": account.name,
            "TargetDomainName": source.name,
            "TargetSid": account.sid,
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
    if session.route is not None:
        world.wire.share(session.route, session.host, share)
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
    if session.route is not None:
        action = "WRITE" if write else "OPEN"
        world.wire.file(session.route, session.host, share, path, action)
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
        "IpPort": _port(source, session.route),
        "ShareName": f"\\\\*\\{share}",
        "AccessMask": "0x1",
        "AccessList": "%%4416\r\n\t\t\t\t",
    }


def _port(host: Host, route: Route | None) -> str:
    """The client's port; of a connection that nobody followed, any."""
    return str(route.source_port if route else host.random.randrange(49_152, 65_535))


def _spn(service: str) -> str:
    """The service principal name that belongs to an account."""
    if service.endswith("$"):
        return f"cifs/{service[:-1].lower()}.{DNS_DOMAIN}"
    return _SPNS.get(service, f"HTTP/{service.replace('_', '-')}.{DNS_DOMAIN}")


def _guid(host: Host) -> str:
    bits = f"{host.random.getrandbits(128):032x}"
    return f"{{{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}}}"
