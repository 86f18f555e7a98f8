"""What the sensors say is what the machines say."""

import re
from collections import Counter
from itertools import chain

import orjson
from tests.lab.conftest import Whole, lines_of

from tocsin.lab.firewall import EGRESS
from tocsin.lab.wire import Amount
from tocsin.lab.world import World

LOGS = (
    "dns",
    "ssl",
    "http",
    "files",
    "kerberos",
    "smb_mapping",
    "smb_files",
    "rdp",
    "ssh",
    "ntlm",
    "dce_rpc",
)


def key(record: dict[str, object]) -> tuple[object, ...]:
    return tuple(record[f"id.{end}"] for end in ("orig_h", "orig_p", "resp_h", "resp_p"))


def test_every_line_of_zeek_belongs_to_one_connection(whole: Whole) -> None:
    conns = {record["uid"]: record for record in whole.json("zeek-conn.log")}
    assert len(conns) == len(whole.lines["zeek-conn.log"])
    for log in LOGS:
        records = whole.json(f"zeek-{log}.log")
        assert records, log
        assert all(key(conns[record["uid"]]) == key(record) for record in records), log


def test_sysmon_and_zeek_tell_the_same_connections(whole: Whole) -> None:
    conns = {key(record) for record in whole.json("zeek-conn.log")}
    seen = 0
    for record in whole.events("sysmon", 3):
        ends = (record["SourceIp"], int(record["SourcePort"]))
        target = (record["DestinationIp"], int(record["DestinationPort"]))
        if ends[0] != target[0]:
            seen += 1
            assert ends + target in conns
    assert seen > 500


def test_a_logon_over_the_network_names_the_port_of_its_connection(whole: Whole) -> None:
    ends = {(r["id.orig_h"], r["id.orig_p"]) for r in whole.json("zeek-conn.log")}
    remote = [
        r
        for r in whole.events("security", 4624)
        if r["LogonType"] in ("3", "10") and r["IpAddress"] != "127.0.0.1"
    ]
    assert len(remote) > 200
    assert [r for r in remote if (r["IpAddress"], int(r["IpPort"])) not in ends] == []


def test_a_ticket_is_told_by_the_controller_and_on_the_wire(whole: Whole) -> None:
    wire = {(r["id.orig_h"], r["id.orig_p"]): r for r in whole.json("zeek-kerberos.log")}
    ciphers = {"0x12": "aes256-cts-hmac-sha1-96", "0x17": "rc4-hmac"}
    seen: Counter[str] = Counter()
    for record in whole.events("security", 4768, 4769):
        address = record["IpAddress"].removeprefix("::ffff:")
        if address == "10.20.1.10":
            continue
        other = wire[address, int(record["IpPort"])]
        seen[other["request_type"]] += 1
        assert other["client"].split("/")[0] == record["TargetUserName"].split("@")[0]
        assert other["cipher"] == ciphers[record["TicketEncryptionType"]]
    assert min(seen["AS"], seen["TGS"]) > 100


def test_the_firewall_sees_what_crosses_the_edge_and_nothing_else(whole: Whole) -> None:
    crossing = {
        (r["id.orig_h"], r["id.orig_p"], r["id.resp_h"], r["id.resp_p"])
        for r in whole.json("zeek-conn.log")
        if not (r["local_orig"] and r["local_resp"])
    }
    pattern = re.compile(rb" src=(\S+) dst=(\S+) .* spt=(\d+) dpt=(\d+) ")
    told = set()
    for line in whole.lines["firewall-cef.log"]:
        source, target, spt, dpt = pattern.search(line).groups()
        told.add((source.decode(), int(spt), target.decode(), int(dpt)))
    assert told == crossing


def test_ports_do_not_depend_on_who_listens(large: World) -> None:
    first = [large.wire.open("10.20.10.50", "10.20.1.20", 445).source_port for _ in range(5)]
    silent = type(large)(type(large.enterprise)(people=large.people), 1, large.now, large.files)
    again = [silent.wire.open("10.20.10.50", "10.20.1.20", 445).source_port for _ in range(5)]
    assert first == again


def test_what_never_answered_has_no_service(large: World) -> None:
    large.wire.open("203.0.113.9", EGRESS, 22, Amount(state="S0"))
    (record,) = map(orjson.loads, lines_of(large, "zeek-conn.log"))
    assert record["conn_state"] == "S0"
    assert not record.keys() & {"service", "duration", "orig_bytes"}
    (line,) = lines_of(large, "firewall-cef.log")
    assert b"|deny|TRAFFIC|" in line


def test_what_a_machine_says_to_itself_passes_no_sensor(large: World) -> None:
    large.wire.dns("10.20.1.10", "10.20.1.10", "a.example", ["198.51.100.1"])
    assert not list(chain(lines_of(large, "zeek-conn.log"), lines_of(large, "zeek-dns.log")))
