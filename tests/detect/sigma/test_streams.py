"""Records with the same answers on the routing fields share a route, and only they."""

from tests.detect.sigma_rules import SYSMON, Compile, rule

from tocsin.detect.sigma import Matcher

REGISTRY = {"product": "windows", "category": "registry_event"}


def matcher(compile_rules: Compile) -> Matcher:
    return Matcher(
        compile_rules(
            rule({"selection": {"F": "a", "EventID": 12}}, logsource=REGISTRY, id="1"),
            rule({"selection": {"F": "a"}}, logsource=REGISTRY, id="2"),
            rule({"selection": {"EventID": 13}}, logsource=REGISTRY, id="3"),
        )
    )


def test_the_routing_fields_are_those_of_the_conditions(compile_rules: Compile) -> None:
    engine = matcher(compile_rules)
    assert engine.stream("s", "flat").keys == ("Channel", "EventID")
    assert engine.stream("s", "winlogbeat").keys == ("event_id", "log_name")
    assert engine.stream("s", "other").keys == ()


def test_what_the_route_decides_is_folded_away(compile_rules: Compile) -> None:
    stream = matcher(compile_rules).stream("s", "flat")
    twelve, thirteen, fourteen = (stream.routes[SYSMON, n] for n in (12, 13, 14))
    assert (twelve.certain, set(twelve.rests)) == ((), {0, 1})
    assert (thirteen.certain, set(thirteen.rests)) == ((2,), {1})
    assert (fourteen.certain, set(fourteen.rests)) == ((), {1})
    assert twelve.names == ("F",)


def test_equal_answers_share_a_route(compile_rules: Compile) -> None:
    stream = matcher(compile_rules).stream("s", "flat")
    assert stream.routes[SYSMON, 12] is stream.routes[SYSMON.lower(), "12"]
    assert stream.routes["Security", 1] is stream.routes["x", 99]
    assert stream.route_count == 2


def test_only_what_rules_of_the_channel_ask_tells_routes_apart(compile_rules: Compile) -> None:
    security = {"product": "windows", "service": "security"}
    plan = compile_rules(
        rule({"selection": {"F": "a", "EventID": 4624}}, logsource=security, id="1"),
        rule({"selection": {"F": "a", "EventID": 12}}, logsource=REGISTRY, id="2"),
    )
    stream = Matcher(plan).stream("s", "flat")
    assert stream.routes["Security", 12] is stream.routes["Security", 13]
    assert stream.routes["Security", 4624] is not stream.routes["Security", 12]
    assert stream.routes[SYSMON, 4624] is stream.routes["x", 1]


def test_a_bool_never_routes_as_a_number(compile_rules: Compile) -> None:
    processes = {"product": "windows", "category": "process_creation"}
    plan = compile_rules(rule({"selection": {"F": "a"}}, logsource=processes))
    stream = Matcher(plan).stream("s", "flat")
    one = stream.routes[SYSMON, 1]
    assert one.special
    assert stream.careful((SYSMON, True), {"F": "a"})[0] is not one
