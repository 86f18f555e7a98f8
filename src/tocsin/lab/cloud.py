"""CloudTrail: what is asked of the cloud's programming interface, one record a line."""

from typing import Any, NamedTuple

import orjson

from tocsin.lab.places import OFFICE, Place
from tocsin.lab.stamps import iso_seconds
from tocsin.lab.world import World
from tocsin.lab.write import Where

FILE = "cloudtrail.json"
ACCOUNT = "471820936605"
REGION = "eu-central-1"
_CONSOLE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.80"
)
CLI = "aws-cli/2.15.38 Python/3.11.8 Windows/10 exe/AMD64 prompt/off command/{}"
SDK = "Boto3/1.34.84 md/Botocore#1.34.84 ua/2.0 os/linux#6.1.0 lang/python#3.11.2"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.8.1 terraform-provider-aws/5.46.0"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DATA = ("GetObject", "PutObject", "DeleteObject", "CopyObject")


class Caller(NamedTuple):
    """Whose rights are used, from where and with which program.

    `kind` is IAMUser or AssumedRole; a role has a `session` name, and `name` is the role's.
    """

    kind: str
    name: str
    session: str = ""
    place: Place = OFFICE
    agent: str = _CONSOLE


class Call(NamedTuple):
    """One request: the service, the action, its parameters and what came back."""

    service: str
    action: str
    request: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    error: str = ""

    @property
    def reads(self) -> bool:
        """Whether nothing is changed by it."""
        return self.action.startswith(("Get", "List", "Describe", "Head", "Lookup"))


def key_of(world: World, name: str, prefix: str = "AKIA") -> str:
    """The access key of `name`: always the same at one enterprise."""
    bits = world.random_for(f"key {prefix} {name}").getrandbits(80)
    return prefix + "".join(_ALPHABET[bits >> shift & 31] for shift in range(0, 80, 5))


def ask(world: World, caller: Caller, call: Call) -> None:
    """A request is made and told."""
    if "cloudtrail" not in world.on:
        return
    at = world.stamp()
    data = call.action in _DATA
    record: dict[str, Any] = {
        "eventVersion": "1.09",
        "userIdentity": _identity(world, caller, at),
        "eventTime": iso_seconds(at),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.action,
        "awsRegion": "us-east-1" if call.service in ("iam", "signin") else REGION,
        "sourceIPAddress": caller.place.address,
        "userAgent": caller.agent,
        **({"errorCode": call.error, "errorMessage": _sorry(caller, call)} if call.error else {}),
        "requestParameters": call.request,
        "responseElements": None if call.error else call.response,
        "requestID": _uuid(world),
        "eventID": _uuid(world),
        "readOnly": call.reads,
        **_resources(call),
        "eventType": "AwsConsoleSignIn" if call.service == "signin" else "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data" if data else "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{call.service}.{REGION}.amazonaws.com",
        },
    }
    line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    world.emit(FILE, line, at, Where("cloudtrail", "", call.service, call.action))


def _identity(world: World, caller: Caller, at: int) -> dict[str, Any]:
    if caller.kind == "IAMUser":
        return {
            "type": "IAMUser",
            "principalId": key_of(world, caller.name, "AIDA"),
            "arn": f"arn:aws:iam::{ACCOUNT}:user/{caller.name}",
            "accountId": ACCOUNT,
            "accessKeyId": key_of(world, caller.name),
            "userName": caller.name,
        }
    role = key_of(world, caller.name, "AROA")
    return {
        "type": "AssumedRole",
        "principalId": f"{role}:{caller.session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller.name}/{caller.session}",
        "accountId": ACCOUNT,
        "accessKeyId": key_of(world, f"{caller.session} {at // 43_200_000_000}", "ASIA"),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role,
                "arn": f"arn:aws:iam::{ACCOUNT}:role/{caller.name}",
                "accountId": ACCOUNT,
                "userName": caller.name,
            },
            "attributes": {
                "creationDate": iso_seconds(at // 43_200_000_000 * 43_200_000_000),
                "mfaAuthenticated": "false",
            },
        },
    }


def _sorry(caller: Caller, call: Call) -> str:
    if call.error == "AccessDenied":
        return f"User {caller.name} is not authorized to perform: {call.service}:{call.action}"
    return f"{call.error}: the request could not be served"


def _resources(call: Call) -> dict[str, Any]:
    bucket = (call.request or {}).get("bucketName")
    if call.service != "s3" or not isinstance(bucket, str):
        return {}
    arn = f"arn:aws:s3:::{bucket}"
    whole = [{"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": arn}]
    key = (call.request or {}).get("key")
    if key is not None:
        whole.insert(0, {"accountId": ACCOUNT, "type": "AWS::S3::Object", "ARN": f"{arn}/{key}"})
    return {"resources": whole}


def _uuid(world: World) -> str:
    bits = f"{world.cloud.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-9{bits[17:20]}-{bits[20:]}"
