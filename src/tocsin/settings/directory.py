"""Settings of LDAP directories that people and machines are read from."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tocsin.settings.secret import Secret


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """An LDAP directory (Active Directory, Samba, OpenLDAP). Each `[[directory]]` adds one."""

    name: Annotated[
        str,
        Meta(pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="The name of its feed in context."),
    ] = "directory"
    url: Annotated[str, Meta(description="`ldaps://dc1.corp.example`, or `ldap://` with `tls`.")]
    base: Annotated[str, Meta(description="Where the search begins: `DC=corp,DC=example`.")]
    user: Annotated[
        str, Meta(description="Who asks: a DN or `user@domain`; empty asks as nobody.")
    ] = ""
    password: Annotated[Secret | None, Meta(description="`env:NAME` or `file:/path`.")] = None
    tls: Annotated[
        Literal["ldaps", "starttls", "none"],
        Meta(description="How the way there is protected; `none` only on this machine."),
    ] = "ldaps"
    ca: Annotated[
        str | None, Meta(description="A file in PEM form: the authority that signed its name.")
    ] = None
    domain: Annotated[
        str, Meta(description="NetBIOS name of the domain, where the directory does not say it.")
    ] = ""
    unit: Annotated[str, Meta(description="The attribute that says the business unit.")] = (
        "department"
    )
    entries: Annotated[
        int, Meta(ge=1, le=5_000_000, description="The most entries that are read.")
    ] = 1_000_000
    seconds: Annotated[int, Meta(ge=1, le=600, description="The longest wait for an answer.")] = 30
