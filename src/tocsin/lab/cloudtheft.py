"""A stolen cloud key and the data behind it, and its twin: a bulk export by those who may."""

from tocsin.lab.cloud import SDK, Call, Caller, ask
from tocsin.lab.cloudwork import caller
from tocsin.lab.places import ABROAD, HOME, Place
from tocsin.lab.plot import Plot, pick
from tocsin.lab.world import MINUTE, SECOND, Habit, World

_TOOL = "aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0-18-amd64 source/x86_64.debian.12"
_OBJECTS = 240
_LOOK = (
    ("who am I", "T1087.004", Call("sts", "GetCallerIdentity")),
    (
        "whose rights",
        "T1069.003",
        Call("iam", "GetAccountAuthorizationDetails", error="AccessDenied"),
    ),
    ("users", "T1087.004", Call("iam", "ListUsers")),
    ("buckets", "T1619", Call("s3", "ListBuckets")),
    ("secrets", "T1555.006", Call("secretsmanager", "ListSecrets", error="AccessDenied")),
)
_STAY = (
    ("a second key", "T1098.001", Call("iam", "CreateAccessKey", {"userName": "ci-deploy"})),
    ("a user", "T1136.003", Call("iam", "CreateUser", {"userName": "svc-metrics"})),
    (
        "rights for it",
        "T1098.003",
        Call(
            "iam",
            "AttachUserPolicy",
            {
                "userName": "svc-metrics",
                "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
            },
        ),
    ),
    ("trail stopped", "T1562.008", Call("cloudtrail", "StopLogging", {"name": "northquay"})),
)


def _take(plot: Plot, who: Caller, bucket: str, title: str) -> Habit:
    with plot.step("list the objects", "T1619", quiet=True):
        ask(plot.world, who, Call("s3", "ListObjects", {"bucketName": bucket, "prefix": ""}))
    for number in range(_OBJECTS):
        key = f"2026/{number % 12 + 1:02d}/set-{number:05d}.parquet"
        with plot.step(title, "T1530"):
            ask(plot.world, who, Call("s3", "GetObject", {"bucketName": bucket, "key": key}))
        yield plot.random.randint(1, 6) * SECOND


def attack(world: World) -> Habit:
    """The build server's key is used from elsewhere; a bucket is read whole."""
    plot = Plot(world, "cloud-theft", "ci-deploy")
    who = Caller("IAMUser", "ci-deploy", place=ABROAD, agent=_TOOL)
    for title, technique, call in _LOOK:
        with plot.step(title, technique, quiet=title in ("who am I", "buckets")):
            ask(world, who, call)
        yield plot.random.randint(10, 90) * SECOND
    for title, technique, call in _STAY:
        yield plot.random.randint(1, 6) * MINUTE
        with plot.step(title, technique):
            ask(world, who, call)
    yield 5 * MINUTE
    yield from _take(plot, who, "northquay-backups", "bucket read whole")


def twin(world: World) -> Habit:
    """A data engineer at home fetches a training set and gives a partner a key, as agreed."""
    person = pick(world, ("data engineer", "developer"), "export")
    plot = Plot(world, "cloud-theft", person.account.name, benign=True)
    home: Place = HOME
    who = caller(person, SDK, home)
    for call in (Call("sts", "GetCallerIdentity"), Call("s3", "ListBuckets")):
        with plot.step("look round", "T1619", quiet=True):
            ask(world, who, call)
        yield plot.random.randint(5, 60) * SECOND
    with plot.step("key for the partner", "T1098.001"):
        ask(world, who, Call("iam", "CreateAccessKey", {"userName": "partner-upload"}))
    yield from _take(plot, who, "northquay-lake", "training set fetched")
