"""Entra ID: sign-ins and the directory's audit log.

Either as diagnostic settings deliver them (one envelope a record, `category` SignInLogs,
NonInteractiveUserSignInLogs or AuditLogs) or as Graph answers (`auditLogs/signIns`,
`auditLogs/directoryAudits`).
"""

from typing import Any

import orjson

from tocsin.lab.people import Person
from tocsin.lab.places import Attempt, Place
from tocsin.lab.stamps import iso_ticks
from tocsin.lab.world import World
from tocsin.lab.write import Where

TENANT = "6f0c2a91-5d3e-4b7a-9c41-2e8d7a10b355"
SIGN_INS, AUDITS = "entra-signin.json", "entra-audit.json"
APPS = {
    "Windows Sign In": "38aa3b87-a06d-4817-b275-7a316988d93b",
    "Office 365 Exchange Online": "00000002-0000-0ff1-ce00-000000000000",
    "Office 365 SharePoint Online": "00000003-0000-0ff1-ce00-000000000000",
    "Azure Portal": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
    "Microsoft Azure CLI": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "OfficeHome": "4765445b-32c6-49b0-83e6-1d93765276ca",
}
_REASONS = {
    0: "",
    50126: "Error validating credentials due to invalid username or password.",
    50053: "The account is locked, you've tried to sign in too many times.",
    50074: "Strong Authentication is required.",
    50140: "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in.",
    500121: "Authentication failed during strong authentication request.",
    65001: "The user or administrator has not consented to use the application.",
}
_OLD_CLIENTS = ("IMAP4", "Authenticated SMTP")


def identity(world: World, name: str) -> str:
    """The directory's identity of `name`: always the same at one enterprise."""
    bits = f"{world.random_for(f'entra {name}').getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"


def _fresh(world: World) -> str:
    bits = f"{world.cloud.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-b{bits[17:20]}-{bits[20:]}"


def sign_in(
    world: World, person: Person, app: str, attempt: Attempt, client: str = "Browser"
) -> None:
    """A sign-in as `attempt` describes it; `client` is what the protocol was taken for."""
    if "entra" not in world.on:
        return
    at = world.stamp()
    silent = not attempt.interactive
    category = "NonInteractiveUserSignInLogs" if silent else "SignInLogs"
    record = _sign_in(world, person, (app, client), attempt, at)
    if not world.enterprise.graph:
        status = {"resultType": str(attempt.error), "resultSignature": "None"}
        if attempt.error:
            status["resultDescription"] = _REASONS[attempt.error]
        head = _envelope(at, category, "Sign-in activity", attempt.place)
        record = {
            **head,
            **status,
            "correlationId": record["correlationId"],
            "identity": person.title,
            "location": attempt.place.country,
            "properties": record,
        }
    _write(world, SIGN_INS, record, at, category)


def _write(world: World, file: str, record: dict[str, Any], at: int, category: str) -> None:
    line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    world.emit(file, line, at, Where("entra", "", category, category))


def _envelope(at: int, category: str, operation: str, place: Place) -> dict[str, Any]:
    return {
        "time": iso_ticks(at),
        "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": operation,
        "operationVersion": "1.0",
        "category": category,
        "tenantId": TENANT,
        "durationMs": 0,
        "callerIpAddress": place.address,
        "level": "Informational",
    }


def _sign_in(
    world: World, person: Person, what: tuple[str, str], attempt: Attempt, at: int
) -> dict[str, Any]:
    (app, client), device, place = what, attempt.device, attempt.place
    multi = attempt.second_factor and client not in _OLD_CLIENTS
    return {
        "id": _fresh(world),
        "createdDateTime": iso_ticks(at),
        "userDisplayName": person.title,
        "userPrincipalName": person.mail,
        "userId": identity(world, person.account.name),
        "appId": APPS.get(app) or identity(world, app),
        "appDisplayName": app,
        "ipAddress": place.address,
        "clientAppUsed": client,
        "userAgent": device.agent,
        "correlationId": _fresh(world),
        "conditionalAccessStatus": "failure" if attempt.error else "success",
        "isInteractive": attempt.interactive,
        "riskDetail": "none",
        "riskLevelAggregated": "none",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "riskEventTypes_v2": [],
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": "00000003-0000-0000-c000-000000000000",
        "authenticationRequirement": "multiFactorAuthentication"
        if multi
        else "singleFactorAuthentication",
        "authenticationDetails": _steps(attempt, at, multi=multi),
        "status": {
            "errorCode": attempt.error,
            "failureReason": _REASONS[attempt.error] or "Other.",
            "additionalDetails": _additional(attempt, multi=multi),
        },
        "deviceDetail": {
            "deviceId": identity(world, device.name) if device.managed else "",
            "displayName": device.name if device.managed else "",
            "operatingSystem": device.system,
            "browser": device.browser,
            "isCompliant": device.managed,
            "isManaged": device.managed,
            "trustType": "Hybrid Azure AD joined" if device.managed else "",
        },
        "location": {
            "city": place.city,
            "state": place.state,
            "countryOrRegion": place.country,
            "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude},
        },
        "autonomousSystemNumber": place.network,
        "tokenIssuerType": "AzureAD",
        "crossTenantAccessType": "none",
    }


def _additional(attempt: Attempt, *, multi: bool) -> str | None:
    if attempt.error == 500121:  # noqa: PLR2004 (Entra's number for a second factor that failed)
        return "MFA denied; user declined the authentication"
    if not multi:
        return None
    return "MFA completed in Azure AD" if attempt.interactive else "MFA requirement satisfied"


def _steps(attempt: Attempt, at: int, *, multi: bool) -> list[dict[str, Any]]:
    if not attempt.interactive:
        return []
    wrong = attempt.error in (50126, 50053)
    steps = [("Password", "Password Hash Sync", not wrong)]
    if multi and not wrong:
        steps.append(("Mobile app notification", "", not attempt.error))
    return [
        {
            "authenticationStepDateTime": iso_ticks(at),
            "authenticationMethod": method,
            "authenticationMethodDetail": detail,
            "succeeded": good,
            "authenticationStepResultDetail": "Correct password" if good else "Denied",
            "authenticationStepRequirement": "Primary authentication",
        }
        for method, detail, good in steps
    ]


class Change(tuple[str, str, str, str]):
    """What was done in the directory: activity, category, operation type and target's kind."""

    __slots__ = ()


CONSENT = Change(("Consent to application", "ApplicationManagement", "Assign", "ServicePrincipal"))
GRANT = Change(
    ("Add delegated permission grant", "ApplicationManagement", "Assign", "ServicePrincipal")
)
PRINCIPAL = Change(("Add service principal", "ApplicationManagement", "Add", "ServicePrincipal"))
METHOD = Change(
    ("User registered security info", "UserManagement", "Update", "User"),
)
RULE = Change(("Update user", "UserManagement", "Update", "User"))
MEMBER = Change(("Add member to group", "GroupManagement", "Assign", "Group"))
ROLE = Change(("Add member to role", "RoleManagement", "Assign", "Role"))
DEVICE = Change(("Update device", "Device", "Update", "Device"))
RESET = Change(("Reset user password", "UserManagement", "Update", "User"))


def audit(
    world: World,
    person: Person | None,
    change: Change,
    target: str,
    values: dict[str, str],
    place: Place,
) -> None:
    """A change of the directory by `person`, or by the synchronization service (None)."""
    if "entra" not in world.on:
        return
    at = world.stamp()
    activity, category, operation, kind = change
    record = {
        "id": f"Directory_{_fresh(world)}_{world.cloud.randrange(10**8):08d}",
        "category": category,
        "correlationId": _fresh(world),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": iso_ticks(at),
        "loggedByService": "Core Directory",
        "operationType": operation,
        "initiatedBy": _by(world, person, place),
        "targetResources": [
            {
                "id": identity(world, target),
                "displayName": target,
                "type": kind,
                "userPrincipalName": target if "@" in target else None,
                "modifiedProperties": [
                    {"displayName": name, "oldValue": None, "newValue": f'"{value}"'}
                    for name, value in values.items()
                ],
            }
        ],
        "additionalDetails": [],
    }
    if not world.enterprise.graph:
        record = {
            **_envelope(at, "AuditLogs", activity, place),
            "resultSignature": "None",
            "correlationId": record["correlationId"],
            "identity": person.title if person else "",
            "properties": record,
        }
    _write(world, AUDITS, record, at, "AuditLogs")


def _by(world: World, person: Person | None, place: Place) -> dict[str, Any]:
    if person is None:
        name = "Microsoft Azure AD Connect"
        return {"app": {"displayName": name, "servicePrincipalId": identity(world, name)}}
    return {
        "user": {
            "id": identity(world, person.account.name),
            "displayName": None,
            "userPrincipalName": person.mail,
            "ipAddress": place.address,
            "roles": [],
        }
    }
