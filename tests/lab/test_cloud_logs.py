"""Entra, Okta and CloudTrail: the forms of their records, and that they tell of the same people."""

from pathlib import Path

import msgspec
import orjson
from tests.lab.conftest import PEOPLE, Whole, lines_of, write_whole

from tocsin.lab import cloud, entra, identity, okta
from tocsin.lab.places import ABROAD, OFFICE, PHONE, Attempt
from tocsin.lab.staff import employ
from tocsin.lab.world import World

WRONG, DECLINED = 50126, 500121


def test_sign_ins_name_employees_and_known_places(whole: Whole) -> None:
    records = whole.json(entra.SIGN_INS)
    people = {person.mail for person in employ(PEOPLE, 1)}
    assert {r["properties"]["userPrincipalName"] for r in records} <= people
    assert {r["category"] for r in records} == {"SignInLogs", "NonInteractiveUserSignInLogs"}
    for record in records:
        inner = record["properties"]
        assert inner["isInteractive"] == (record["category"] == "SignInLogs")
        assert record["callerIpAddress"] == inner["ipAddress"]
        assert int(record["resultType"]) == inner["status"]["errorCode"]


def test_whoever_signs_in_at_a_desk_is_told_by_entra_too(whole: Whole) -> None:
    signed = {
        r["properties"]["userPrincipalName"].split("@")[0]
        for r in whole.json(entra.SIGN_INS)
        if r["properties"]["appDisplayName"] == "Windows Sign In"
    }
    at_desks = {
        r["TargetUserName"]
        for r in whole.events("security", 4624)
        if r["LogonType"] == "2" and not r["TargetUserName"].startswith("adm.")
    }
    campaigns = {label["user"] for label in whole.truth}
    assert at_desks - campaigns <= signed


def test_graph_gives_the_inner_records_of_diagnostic_settings(whole: Whole, tmp_path: Path) -> None:
    graph = write_whole(tmp_path, graph=True)
    for name in (entra.SIGN_INS, entra.AUDITS):
        assert graph.json(name) == [record["properties"] for record in whole.json(name)]


def test_a_session_at_okta_ends_where_it_fails(large: World) -> None:
    person = large.people[0]
    for error in (0, WRONG, DECLINED):
        attempt = Attempt(PHONE, ABROAD, error, interactive=True)
        identity.single_sign_on(large, person, "Freightdesk", attempt)
    records = [orjson.loads(line) for line in lines_of(large, okta.FILE)]
    told = [(r["eventType"].rpartition(".")[2], r["outcome"]["result"]) for r in records]
    assert told == [
        ("start", "SUCCESS"),
        ("auth_via_mfa", "SUCCESS"),
        ("sso", "SUCCESS"),
        ("start", "FAILURE"),
        ("start", "SUCCESS"),
        ("auth_via_mfa", "FAILURE"),
    ]
    assert {r["client"]["ipAddress"] for r in records} == {ABROAD.address}
    assert len({r["uuid"] for r in records}) == len(records)


def test_cloudtrail_tells_who_asked_for_what(large: World) -> None:
    role = cloud.Caller("AssumedRole", "etl", "i-1", OFFICE)
    user = cloud.Caller("IAMUser", "ci", place=ABROAD)
    read = cloud.Call("s3", "GetObject", {"bucketName": "b", "key": "k"})
    cloud.ask(large, role, read)
    cloud.ask(large, user, cloud.Call("iam", "CreateUser", {"userName": "x"}, error="AccessDenied"))
    data, change = (orjson.loads(line) for line in lines_of(large, cloud.FILE))
    assert (data["eventCategory"], data["managementEvent"], data["readOnly"]) == (
        "Data",
        False,
        True,
    )
    assert data["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "etl"
    assert [r["ARN"] for r in data["resources"]] == ["arn:aws:s3:::b/k", "arn:aws:s3:::b"]
    assert (change["errorCode"], change["readOnly"]) == ("AccessDenied", False)
    assert change["userIdentity"]["accessKeyId"].startswith("AKIA")
    assert data["userIdentity"]["accessKeyId"].startswith("ASIA")


def test_what_nobody_keeps_is_not_written(large: World) -> None:
    large.on = frozenset()
    person = large.people[0]
    identity.sign_in(large, person, "OfficeHome")
    identity.single_sign_on(large, person, "Freightdesk")
    entra.audit(large, person, entra.RESET, person.mail, {}, OFFICE)
    cloud.ask(large, cloud.Caller("IAMUser", "ci"), cloud.Call("s3", "ListBuckets"))
    assert large.files.records == 0
    assert msgspec.structs.asdict(large.enterprise)["sources"]
