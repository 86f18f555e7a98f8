import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.columns import memo_of
from tocsin.normalize.converters import CONVERTERS
from tocsin.normalize.scalars import FAILED

HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["-", "0x", "0x" + "f" * 40, "%%1842", "S-1-5-", "{}", "\\", "=,=", "::ffff:1"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("word", "value", "result"),
    [
        ("text", "a", "a"),
        ("aws_name", "arn:aws:iam::444455556666:root", "root"),
        ("aws_name", "arn:aws:iam::444455556666:user/team/mira", "mira"),
        ("aws_name", "arn:aws:sts::444455556666:assumed-role/deploy/root", "deploy"),
        ("aws_name", "arn:aws:sts::1:assumed-role/AWSReservedSSO_A_1/t@o.example", "t@o.example"),
        ("aws_name", "mira", "mira"),
        ("aws_name", "arn:", FAILED),
        ("service", "ec2.amazonaws.com", "ec2.amazonaws.com"),
        ("service", "192.0.2.1", None),
        ("known", "unknown", None),
        ("known", "102abc", "102abc"),
        ("login", "mira@orchard.example\\", "mira@orchard.example"),
        ("login", "ORCHARD\\mira", "ORCHARD\\mira"),
        ("phrases", "Super administrator, Help desk,", ["Super administrator", "Help desk"]),
        ("phrases", ["a b"], ["a b"]),
        ("email", "Petra <petra@north.example>", "petra@north.example"),
        ("email", "<>", None),
        ("email", "root@localhost", FAILED),
        ("emails", ["a@b.example, C <c@d.example>", "a@b.example"], ["a@b.example", "c@d.example"]),
        ("emails", "nobody", FAILED),
        ("host_name", "web07", "web07"),
        ("host_name", "192.0.2.1", None),
        ("host_name", "UNKNOWN", None),
        ("seconds", "1.5", 1500),
        ("seconds", 2, 2000),
        ("seconds", -1, FAILED),
        ("quoted", '"Global Administrator"', "Global Administrator"),
        ("quoted", '["x"]', "x"),
        ("quoted", "[]", None),
        ("quoted_list", '"a b"', ["a b"]),
        ("resource", "/subscriptions/1/vm-7", [{"name": "vm-7", "uid": "/subscriptions/1/vm-7"}]),
        (
            "ip_observable",
            "192.0.2.1",
            [{"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": "192.0.2.1"}],
        ),
        ("ip_observable", "nowhere", FAILED),
        (
            "digest",
            "AB:" * 15 + "AB",
            [{"algorithm": "MD5", "algorithm_id": 1, "value": "ab" * 16}],
        ),
        ("digest", "xyz", FAILED),
        ("bool", "multiFactorAuthentication", True),
        ("dns_answers", ["192.0.2.1"], [{"rdata": "192.0.2.1"}]),
        (
            "dns_answers",
            [{"rdata": "a.example", "rrtype": "CNAME", "ttl": 60}, {"rrtype": "SOA"}, 5],
            [{"rdata": "a.example", "type": "CNAME", "ttl": 60}],
        ),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("int", "0x1b4c", 6988),
        ("int", "12", 12),
        ("int", "x", FAILED),
        ("int", True, FAILED),
        ("int", 2**63, FAILED),
        ("hex", 1000, "0x3e8"),
        ("hex", "0X3E8", "0x3e8"),
        ("logon_id", "0x0", None),
        ("pid", "0x0", None),
        ("pid", -1, FAILED),
        ("ip", "::ffff:10.1.2.3", "10.1.2.3"),
        ("ip", "FE80:0:0:0:0:0:0:1%12", "fe80::1"),
        ("ip", "LOCAL", FAILED),
        ("port", "65536", FAILED),
        ("guid", "{4F1C2A30-77AA-66B1-0001-000000000700}", "4f1c2a30-77aa-66b1-0001-000000000700"),
        ("guid", "{00000000-0000-0000-0000-000000000000}", None),
        ("sid", "S-1-5-21-1-2-3-500", "S-1-5-21-1-2-3-500"),
        ("sid", "S-1-0-0", None),
        ("sid", "%{S-1-5-18}", FAILED),
        ("bool", "%%1842", True),
        ("time", "1970-01-01 00:00:01.5", 1500),
        ("account", "LUMEN\\m.keller", ("LUMEN", "m.keller")),
        ("account", "m.keller", (None, "m.keller")),
        ("account", "LUMEN\\", FAILED),
        ("file", "C:\\a\\b.exe", ("b.exe", "C:\\a\\b.exe")),
        ("file", "/usr/bin/id", ("id", "/usr/bin/id")),
        ("file", "C:\\Ledger\\", ("Ledger", "C:\\Ledger\\")),
        ("file", "\\", FAILED),
        ("basename", "C:\\a\\b.exe", "b.exe"),
        ("registry_value", "HKLM\\A\\B", ("B", "HKLM\\A")),
        ("registry_value", "HKLM\\A\\", ("(Default)", "HKLM\\A")),
        ("words", "SeA\n\t\tSeB", ["SeA", "SeB"]),
        ("hashes", "MD5=0F,IMPHASH=00", [{"algorithm": "MD5", "algorithm_id": 1, "value": "0f"}]),
        ("hashes", "IMPHASH=000", None),
        ("hashes", "nonsense", FAILED),
        ("dns_answers", "type:  5 a.example;::ffff:10.0.0.1;", [
            {"rdata": "a.example", "type": "5"}, {"rdata": "10.0.0.1"},
        ]),
    ],
)  # fmt: skip
def test_converters_make_what_the_attribute_holds(word: str, value: object, result: object) -> None:
    assert CONVERTERS[word].function(value) == result


@given(st.lists(HOSTILE, max_size=8), st.sampled_from(sorted(CONVERTERS)))
def test_no_value_makes_a_converter_fail_and_no_neighbour_changes_the_answer(
    values: list[object], word: str
) -> None:
    converter = CONVERTERS[word]
    width = len(converter.outputs) or 1
    together = memo_of(converter.function, width).all(list(values))
    alone = [memo_of(converter.function, width).all([value])[0] for value in values]
    assert list(map(repr, together)) == list(map(repr, alone))
    backwards = memo_of(converter.function, width)
    backwards.all(list(reversed(values)))
    assert list(map(repr, backwards.all(list(values)))) == list(map(repr, alone))


def test_true_is_not_one_in_a_memo() -> None:
    memo = memo_of(CONVERTERS["hex"].function, 1)
    assert memo.all([1, True, "1", 1.0]) == ["0x1", FAILED, "0x1", FAILED]
