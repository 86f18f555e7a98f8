"""Names resolved and connections made: Sysmon, the filtering platform and the sensors see them."""

from typing import NamedTuple

from tocsin.lab.hosts import Host, Process, Route
from tocsin.lab.processes import actor
from tocsin.lab.windows import CONNECTION_ALLOWED, DNS_QUERY, NETWORK
from tocsin.lab.wire import Amount
from tocsin.lab.world import World

_USUAL = Amount()
_HTTP, _HTTPS = 80, 443


def resolve(world: World, process: Process, name: str, address: str) -> None:
    """Ask the resolver for a name."""
    world.log(
        process.host,
        DNS_QUERY,
        {
            **actor(process),
            "QueryName": name,
            "QueryStatus": "0",
            "QueryResults": f"::ffff:{address};",
        },
    )
    world.wire.dns(process.host.address, world.controller.address, name, [address])


def connect(
    world: World,
    process: Process,
    address: str,
    port: int,
    name: str = "-",
    amount: Amount = _USUAL,
) -> Route:
    """Open a TCP connection; Sysmon and the filtering platform of the machine see it begin."""
    host = process.host
    route = world.wire.open(host.address, address, port, amount)
    if port == _HTTPS:
        world.wire.tls(route, name)
    world.log(
        host,
        NETWORK,
        {
            **actor(process),
            "Protocol": "tcp",
            "Initiated": "true",
            "SourceIsIpv6": "false",
            "SourceIp": host.address,
            "SourceHostname": host.full_name,
            "SourcePort": str(route.source_port),
            "SourcePortName": "-",
            "DestinationIsIpv6": "false",
            "DestinationIp": address,
            "DestinationHostname": name,
            "DestinationPort": str(port),
            "DestinationPortName": "https" if port == _HTTPS else "-",
        },
    )
    near = (host.address, route.source_port)
    _filtered(world, process, near, (address, port), "%%14593")
    return route


class Page(NamedTuple):
    """Something fetched in the clear: where it lies, who asks, and what comes back."""

    host: str
    address: str
    uri: str
    agent: str
    size: int
    mime: str = "text/html"


def fetch(world: World, process: Process, page: Page) -> Route:
    """Fetch something over HTTP without encryption."""
    amount = Amount(420 + len(page.uri), page.size + 380, 0.4)
    route = connect(world, process, page.address, _HTTP, page.host, amount)
    world.wire.http(route, page.host, page.uri, page.agent, page.size, page.mime)
    return route


def reach(
    world: World, process: Process, target: Host, port: int, amount: Amount = _USUAL
) -> Route:
    """Connect to another host of the enterprise; the target sees it arrive."""
    route = connect(world, process, target.address, port, target.full_name, amount)
    accept(world, target, route)
    return route


def call(world: World, source: Host, target: Host, port: int, amount: Amount = _USUAL) -> Route:
    """Connect from a machine that tells nothing of its own; the target sees it arrive."""
    route = world.wire.open(source.address, target.address, port, amount)
    accept(world, target, route)
    return route


def accept(world: World, target: Host, route: Route) -> None:
    """A connection arrives at `target`."""
    if not target.system:
        return
    port = route.port
    serving = target.system["System" if port in (445, 5985) else "svchost:NetworkService"]
    far = (route.source, route.source_port)
    _filtered(world, serving, (target.address, port), far, "%%14592")


def _filtered(
    world: World, process: Process, near: tuple[str, int], far: tuple[str, int], direction: str
) -> None:
    path = process.image.replace("C:\\", "\\device\\harddiskvolume3\\").lower()
    world.log(
        process.host,
        CONNECTION_ALLOWED,
        {
            "Version": 1,
            "ProcessId": str(process.pid),
            "Application": path,
            "Direction": direction,
            "SourceAddress": near[0],
            "SourcePort": str(near[1]),
            "DestAddress": far[0],
            "DestPort": str(far[1]),
            "Protocol": "6",
            "FilterRTID": "68214",
            "LayerName": "%%14611" if direction == "%%14593" else "%%14610",
            "LayerRTID": "48" if direction == "%%14593" else "44",
            "RemoteUserID": "S-1-0-0",
            "RemoteMachineID": "S-1-0-0",
        },
    )
