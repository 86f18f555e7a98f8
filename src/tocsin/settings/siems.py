"""Settings of the SIEMs whose alerts are written back."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tocsin.settings.secret import Secret


class Siem(msgspec.Struct, frozen=True, kw_only=True):
    """A SIEM whose alerts are told what people decide here. Each `[[siem]]` adds one."""

    kind: Annotated[Literal["sentinel", "splunk", "elastic"], Meta(description="What it is.")]
    source: Annotated[str, Meta(description="Id of the source that its alerts come from.")]
    url: Annotated[
        str, Meta(description="Its base URL; for Sentinel with the path of the workspace.")
    ]
    secret: Annotated[
        Secret, Meta(description="`env:NAME` or `file:/path`: a token, password or client secret.")
    ]
    user: Annotated[
        str, Meta(description="User or client id; without it the secret is a token.")
    ] = ""
    token_url: Annotated[
        str, Meta(description="Where a client gets its token (OAuth 2.0 client credentials).")
    ] = ""
    scope: Annotated[str, Meta(description="What that token is for.")] = (
        "https://management.azure.com/.default"
    )
    private: Annotated[
        bool, Meta(description="It is in a private network; also allows plain http.")
    ] = False
    poll_seconds: Annotated[
        int, Meta(ge=5, le=86_400, description="How often it is asked what changed there.")
    ] = 60
