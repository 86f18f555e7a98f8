"""Addresses of listeners and of those who connect."""

import ipaddress
import socket

from tocsin.errors import SettingsError

BACKLOG = 1_024
_LAST_PORT = 65_535


def parse_listen(name: str, listen: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`; raises SettingsError that names the input."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= _LAST_PORT:
        raise SettingsError(
            f"input {name}: listen is an address and a port (127.0.0.1:8088), not {listen!r}"
        )
    return host, number


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    return ipaddress.ip_address(host).is_loopback


def is_local(host: str) -> bool:
    """True for `localhost` and addresses that only this machine reaches, not for other names."""
    try:
        return host == "localhost" or is_loopback(host.strip("[]"))
    except ValueError:
        return False


def bind(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A bound socket, listening when it is TCP; raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        made.bind((host, port))
        made.setblocking(False)  # noqa: FBT003 - the library's own signature
        if kind == socket.SOCK_STREAM:
            made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def peer_text(address: object) -> str:
    """The address of a peer without its port; an IPv4 address within IPv6 as IPv4."""
    host = str(address[0]) if isinstance(address, tuple) and address else "unknown"
    return host.removeprefix("::ffff:")
