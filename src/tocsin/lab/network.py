"""Names resolved and connections made, as both Sysmon and the filtering platform see them."""

from tocsin.lab.hosts import Host, Process
from tocsin.lab.processes import actor
from tocsin.lab.windows import CONNECTION_ALLOWED, DNS_QUERY, NETWORK
from tocsin.lab.world import World


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


def connect(world: World, process: Process, address: str, port: int, name: str = "-") -> None:
    """Open a TCP connection to the outside; both Sysmon and the filtering platform see it."""
    host = process.host
    source_port = host.random.randrange(49_152, 65_535)
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
            "SourcePort": str(source_port),
            "SourcePortName": "-",
            "DestinationIsIpv6": "false",
            "DestinationIp": address,
            "DestinationHostname": name,
            "DestinationPort": str(port),
            "DestinationPortName": "https" if port == 443 else "-",  # noqa: PLR2004 (HTTPS)
        },
    )
    _filtered(world, process, (host.address, source_port), (address, port), "%%14593")


def reach(world: World, process: Process, target: Host, port: int) -> None:
    """Connect to another host of the enterprise; the target sees it arrive."""
    connect(world, process, target.address, port, target.full_name)
    accept(world, target, process.host, port)


def accept(world: World, target: Host, source: Host, port: int) -> None:
    """A connection arrives at `target`."""
    serving = target.system["System" if port in (445, 5985) else "svchost:NetworkService"]
    remote = target.random.randrange(49_152, 65_535)
    _filtered(world, serving, (target.address, port), (source.address, remote), "%%14592")


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
