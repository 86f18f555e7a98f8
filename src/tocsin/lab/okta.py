"""Okta's System Log: who opens applications of other providers, and how."""

from typing import Any, NamedTuple

import orjson

from tocsin.lab.people import Person
from tocsin.lab.places import Attempt
from tocsin.lab.stamps import iso_millis
from tocsin.lab.world import World
from tocsin.lab.write import Where

FILE = "okta-system.json"
_WRONG_PASSWORD = 50126
_SYSTEMS = {
    "Windows10": ("Windows 10", "EDGE", "Computer"),
    "Ios 17.4": ("iOS", "SAFARI", "Mobile"),
}
_DECLINED = "User rejected Okta push verify"


def session(world: World, person: Person, app: str, attempt: Attempt) -> None:
    """A session begins (password, second factor) and `app` is opened, as far as it succeeds."""
    if "okta" not in world.on:
        return
    key = f"{world.cloud.getrandbits(120):030x}"
    if attempt.error == _WRONG_PASSWORD:
        bad = _Said("user.session.start", "FAILURE", "INVALID_CREDENTIALS")
        _write(world, person, attempt, key, bad)
        return
    if attempt.interactive:
        _write(world, person, attempt, key, _Said("user.session.start"))
    if attempt.second_factor and attempt.interactive:
        factor = _Said("user.authentication.auth_via_mfa")
        if attempt.error:
            factor = factor._replace(result="FAILURE", reason=_DECLINED)
        _write(world, person, attempt, key, factor)
    if not attempt.error:
        _write(world, person, attempt, key, _Said("user.authentication.sso", app=app))


_WORDS = {
    "user.session.start": ("User login to Okta", "core.user_auth.login_success"),
    "user.authentication.auth_via_mfa": (
        "Authentication of user via MFA",
        "core.user.factor.attempt_success",
    ),
    "user.authentication.sso": ("User single sign on to app", "app.auth.sso"),
}


class _Said(NamedTuple):
    """What one record says of a session: the event, its result and reason, the application."""

    event: str
    result: str = "SUCCESS"
    reason: str | None = None
    app: str | None = None


def _write(world: World, person: Person, attempt: Attempt, key: str, said: _Said) -> None:
    event = said.event
    at = world.stamp()
    message, legacy = _WORDS[event]
    actor = _person(world, person)
    place = attempt.place
    system, browser, device = _SYSTEMS[attempt.device.system]
    spot = {
        "city": place.city,
        "state": place.state,
        "country": place.country,
        "postalCode": None,
        "geolocation": {"lat": place.latitude, "lon": place.longitude},
    }
    agent = {"rawUserAgent": attempt.device.agent, "os": system, "browser": browser}
    record: dict[str, Any] = {
        "actor": actor,
        "client": {
            "userAgent": agent,
            "zone": "null",
            "device": device,
            "id": None,
            "ipAddress": place.address,
            "geographicalContext": spot,
        },
        "device": None,
        "authenticationContext": {
            "authenticationProvider": "FACTOR_PROVIDER" if "mfa" in event else None,
            "credentialProvider": "OKTA_CREDENTIAL_PROVIDER" if "mfa" in event else None,
            "credentialType": None,
            "issuer": None,
            "interface": None,
            "authenticationStep": 0,
            "externalSessionId": f"102{key[:20]}",
        },
        "displayMessage": message,
        "eventType": event,
        "outcome": {"result": said.result, "reason": said.reason},
        "published": iso_millis(at),
        "securityContext": {
            "asNumber": place.network,
            "asOrg": place.owner,
            "isp": place.owner,
            "domain": None,
            "isProxy": False,
        },
        "severity": "INFO" if said.result == "SUCCESS" else "WARN",
        "debugContext": {
            "debugData": {"requestUri": "/idp/idx/identify", "threatSuspected": "false"}
        },
        "legacyEventType": legacy,
        "transaction": {"type": "WEB", "id": key[:27], "detail": {}},
        "uuid": _uuid(world),
        "version": "0",
        "request": {
            "ipChain": [
                {
                    "ip": place.address,
                    "geographicalContext": spot,
                    "version": "V4",
                    "source": None,
                }
            ]
        },
        "target": _targets(world, actor, said.app),
    }
    line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    world.emit(FILE, line, at, Where("okta", "", "system", event))


def _person(world: World, person: Person) -> dict[str, Any]:
    return {
        "id": _key(world, "00u", person.account.name),
        "type": "User",
        "alternateId": person.mail,
        "displayName": person.title,
        "detailEntry": None,
    }


def _targets(world: World, actor: dict[str, Any], app: str | None) -> list[dict[str, Any]]:
    if app is None:
        return []
    instance = {
        "id": _key(world, "0oa", app),
        "type": "AppInstance",
        "alternateId": app,
        "displayName": app,
        "detailEntry": {"signOnModeType": "SAML_2_0"},
    }
    return [instance, {**actor, "type": "AppUser"}]


def _key(world: World, prefix: str, name: str) -> str:
    return f"{prefix}{world.random_for(f'okta {name}').getrandbits(68):017x}"


def _uuid(world: World) -> str:
    bits = f"{world.cloud.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-11f0-{bits[16:20]}-{bits[20:]}"
