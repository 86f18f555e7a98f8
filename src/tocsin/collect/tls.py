"""TLS for listeners: RFC 5425 for syslog and RELP, and the same for HTTP."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.collect.secrets import secret_bytes
from tocsin.errors import SettingsError
from tocsin.settings import Listener

HANDSHAKE_SECONDS = 15.0
"""A connection that has not agreed on TLS by then is closed."""


def server_context(one: Listener, folder: Path) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the listener's certificate; None when it has none.

    Raises SettingsError when a file cannot be used, or a setting lacks the one it needs.
    """
    if one.certificate is None:
        if one.key is not None or one.client_ca is not None:
            raise SettingsError(f"input {one.name}: key and client_ca need a certificate")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        with _key_file(one, folder) as key:
            context.load_cert_chain(folder / one.certificate, key)
        if one.client_ca is not None:
            context.load_verify_locations(folder / one.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"input {one.name}: its certificate cannot be used: {reason}") from None
    return context


@contextmanager
def _key_file(one: Listener, folder: Path) -> Iterator[str | None]:
    """The private key as a file in memory: OpenSSL reads files only."""
    if one.key is None:
        yield None
        return
    handle = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.write(handle, secret_bytes(one.key, folder) + b"\n")
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
