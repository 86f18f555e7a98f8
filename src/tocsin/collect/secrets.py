"""From a reference to the secret itself, where it is used."""

import os
from pathlib import Path

from tocsin.errors import SettingsError
from tocsin.settings.secret import Secret


def secret_bytes(secret: Secret, folder: Path) -> bytes:
    """What the reference names, without line ends behind it; a relative file is of `folder`.

    Raises SettingsError that names the reference when nothing is there.
    """
    kind, name = secret.reference()
    if kind == "env":
        found = os.environb.get(name.encode(), b"")
    else:
        try:
            found = (folder / name).read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SettingsError(f"secret file:{name} cannot be read: {reason}") from None
    found = found.rstrip(b"\r\n")
    if not found:
        raise SettingsError(f"secret {kind}:{name} is empty or not there")
    return found
