"""What the enterprise does in the cloud: its people, its pipelines and its machines."""

from random import Random

from tocsin.lab.cloud import ACCOUNT, CLI, SDK, TERRAFORM, Call, Caller, ask
from tocsin.lab.people import Person
from tocsin.lab.places import OFFICE, Place
from tocsin.lab.stamps import iso_seconds
from tocsin.lab.world import DAY, HOUR, MINUTE, SECOND, Habit, World

INSTANCE = "i-0b4e7f21c9a3d5e80"
NAT = Place("203.0.113.30", "Frankfurt", "Hessen", "DE", 50.11, 8.68, 16_509, "Amazon")
BUCKETS = ("northquay-lake", "northquay-builds", "northquay-backups", "northquay-web")
PIPELINE = Caller("AssumedRole", "harbor-etl", INSTANCE, NAT, SDK)
DEPLOYER = Caller("IAMUser", "ci-deploy", place=NAT, agent=TERRAFORM)
_POSTURE = Caller("AssumedRole", "posture-audit", "patchwise", NAT, "patchwise-posture/3.2")

_LOOKS = (
    Call("ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
    Call("ec2", "DescribeSecurityGroups", {}),
    Call("s3", "ListBuckets"),
    Call("s3", "ListObjects", {"bucketName": "northquay-builds", "prefix": "release/"}),
    Call("logs", "DescribeLogGroups"),
    Call("cloudwatch", "DescribeAlarms"),
    Call("lambda", "ListFunctions20150331"),
    Call("iam", "ListRoles"),
    Call("sts", "GetCallerIdentity"),
    Call("rds", "DescribeDBInstances"),
)
_WORKS = (
    Call("ec2", "StartInstances", {"instancesSet": {"items": [{"instanceId": INSTANCE}]}}),
    Call("ec2", "StopInstances", {"instancesSet": {"items": [{"instanceId": INSTANCE}]}}),
    Call("lambda", "UpdateFunctionCode20150331v2", {"functionName": "harbor-resize"}),
    Call("ecs", "UpdateService", {"service": "harbor-web", "cluster": "harbor"}),
    Call("secretsmanager", "GetSecretValue", {"secretId": "harbor/db"}),
    Call("s3", "PutObject", {"bucketName": "northquay-builds", "key": "release/app.zip"}),
)
_AUDITED = (
    *_LOOKS,
    Call("iam", "ListUsers"),
    Call("iam", "GetAccountAuthorizationDetails"),
    Call("iam", "GetAccountPasswordPolicy"),
    Call("iam", "ListAccessKeys", {"userName": "ci-deploy"}),
    Call("s3", "GetBucketAcl", {"bucketName": "northquay-lake"}),
    Call("s3", "GetBucketPolicy", {"bucketName": "northquay-lake"}),
    Call("cloudtrail", "DescribeTrails"),
    Call("guardduty", "ListDetectors"),
    Call("kms", "ListKeys"),
)
_RARE = (
    Call("iam", "CreateAccessKey", {"userName": "ci-deploy"}),
    Call("ec2", "AuthorizeSecurityGroupIngress", {"groupId": "sg-04c1", "cidrIp": "10.0.0.0/8"}),
    Call(
        "iam", "AttachRolePolicy", {"roleName": "harbor-web", "policyArn": "arn:aws:iam::aws:pol"}
    ),
    Call("s3", "PutBucketPolicy", {"bucketName": "northquay-web"}),
    Call("iam", "CreateUser", {"userName": "partner-upload"}),
    Call("ec2", "CreateSnapshot", {"volumeId": "vol-0c77a1e5"}),
)
_RARE_PER_DAY = 0.05
_DENIED = 0.03
"""Share of requests that their maker may not make."""


def _role(person: Person) -> str:
    return "AWSReservedSSO_Admin" if person.admin else "AWSReservedSSO_Developer"


def caller(person: Person, agent: str = "", place: Place = OFFICE) -> Caller:
    """A person with the role that single sign-on gives them."""
    made = Caller("AssumedRole", _role(person), person.mail, place)
    return made._replace(agent=agent) if agent else made


def work(world: World, person: Person) -> Habit:
    """An engineer looks at the cloud now and then while at the desk, and changes things."""
    random = world.random_for(f"cloud {person.account.name}")
    mean = 3 * HOUR / min(1.0, world.enterprise.density)
    while True:
        yield int(random.expovariate(1 / mean)) + MINUTE
        if person.account.name not in world.desks:
            continue
        who = caller(person, random.choice(("", CLI.format("s3.ls"), CLI.format("ec2"))))
        for _ in range(random.randint(2, 12)):
            _one(world, who, random)
            yield random.randint(1, 60) * SECOND


def _one(world: World, who: Caller, random: Random) -> None:
    call = random.choice(_WORKS if random.random() < 0.25 else _LOOKS)  # noqa: PLR2004 (share of changes)
    if random.random() < _DENIED:
        call = call._replace(error="AccessDenied")
    ask(world, who, call)


def change(world: World, person: Person) -> Habit:
    """Now and then somebody changes rights, networks or keys: that is their work."""
    random = world.random_for(f"cloud change {person.account.name}")
    while True:
        yield int(random.expovariate(_RARE_PER_DAY) * DAY)
        if person.account.name in world.desks:
            signed = Call("signin", "ConsoleLogin", None, {"ConsoleLogin": "Success"})
            ask(world, caller(person), signed)
            yield random.randint(30, 300) * SECOND
            ask(world, caller(person), random.choice(_RARE))


def pipeline(world: World) -> Habit:
    """Every half hour the data pipeline reads what came and writes what it made of it."""
    random = world.random_for("pipeline")
    while True:
        yield 30 * MINUTE
        _, hour = world.local(world.now)
        day = iso_seconds(world.now)[:10]
        role = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/harbor-etl", "roleSessionName": INSTANCE}
        ask(
            world,
            Caller("AssumedRole", "harbor-etl", INSTANCE, NAT, SDK),
            Call("sts", "AssumeRole", role),
        )
        for number in range(int(random.randint(4, 24) * world.enterprise.density) + 1):
            prefix = f"raw/{day}/{int(hour):02d}/part-{number:04d}.parquet"
            request = {"bucketName": "northquay-lake", "key": prefix}
            ask(world, PIPELINE, Call("s3", "GetObject", request))
            yield random.randint(1, 5) * SECOND
        made = {"bucketName": "northquay-lake", "key": f"curated/{day}/{int(hour):02d}.parquet"}
        ask(world, PIPELINE, Call("s3", "PutObject", made))


def deploy(world: World) -> Habit:
    """On working days the build server brings what was built into the cloud."""
    random = world.random_for("cloud deploy")
    while True:
        yield int(random.expovariate(1 / 2.5) * HOUR)
        if not world.workday():
            continue
        for action in _LOOKS[:4] + _WORKS[2:4]:
            ask(world, DEPLOYER, action)
            yield random.randint(1, 12) * SECOND


def posture(world: World) -> Habit:
    """Every six hours a scanner of another company lists everything: it may."""
    random = world.random_for("posture")
    while True:
        yield 6 * HOUR + random.randint(0, 600) * SECOND
        for call in _AUDITED * 3:
            denied = random.random() < _DENIED
            ask(world, _POSTURE, call._replace(error="AccessDenied") if denied else call)
            yield random.randint(1, 4) * SECOND


def begin(world: World) -> None:
    """Let all of it happen, if CloudTrail is kept."""
    if "cloudtrail" not in world.on:
        return
    for habit in (pipeline, deploy, posture):
        world.begin(habit(world))
    for person in world.people:
        if person.role in ("developer", "data engineer", "administrator"):
            world.begin(work(world, person))
            world.begin(change(world, person))
