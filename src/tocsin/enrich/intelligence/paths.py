"""What the object paths of STIX patterns mean as observables (STIX 2.1, part 6)."""

from typing import NamedTuple

from tocsin.model import observables as kinds


class Meaning(NamedTuple):
    """A kind of observable, and the part that it plays where the path says one."""

    kind: str
    role: str = ""


_EXACT: dict[str, Meaning] = {
    "ipv4-addr:value": Meaning(kinds.ADDRESS),
    "ipv6-addr:value": Meaning(kinds.ADDRESS),
    "domain-name:value": Meaning(kinds.DOMAIN),
    "domain-name:resolves_to_refs[*].value": Meaning(kinds.ADDRESS),
    "url:value": Meaning(kinds.URL),
    "email-addr:value": Meaning(kinds.EMAIL),
    "email-message:from_ref.value": Meaning(kinds.EMAIL, "source"),
    "email-message:sender_ref.value": Meaning(kinds.EMAIL, "source"),
    "email-message:to_refs[*].value": Meaning(kinds.EMAIL, "destination"),
    "email-message:cc_refs[*].value": Meaning(kinds.EMAIL, "destination"),
    "email-message:subject": Meaning(kinds.SUBJECT),
    "file:name": Meaning(kinds.FILENAME),
    "file:parent_directory_ref.path": Meaning(kinds.FOLDER),
    "directory:path": Meaning(kinds.FOLDER),
    "process:command_line": Meaning(kinds.COMMAND),
    "process:name": Meaning(kinds.FILENAME),
    "process:image_ref.name": Meaning(kinds.FILENAME),
    "process:binary_ref.name": Meaning(kinds.FILENAME),
    "process:parent_ref.command_line": Meaning(kinds.COMMAND, "parent"),
    "process:parent_ref.name": Meaning(kinds.FILENAME, "parent"),
    "process:parent_ref.image_ref.name": Meaning(kinds.FILENAME, "parent"),
    "process:parent_ref.binary_ref.name": Meaning(kinds.FILENAME, "parent"),
    "process:creator_user_ref.user_id": Meaning(kinds.ACCOUNT),
    "process:creator_user_ref.account_login": Meaning(kinds.ACCOUNT),
    "mutex:name": Meaning(kinds.MUTEX),
    "windows-registry-key:key": Meaning(kinds.REGISTRY),
    "windows-registry-key:values[*].name": Meaning(kinds.REGISTRY_VALUE),
    "user-account:user_id": Meaning(kinds.ACCOUNT),
    "user-account:account_login": Meaning(kinds.ACCOUNT),
    "network-traffic:src_ref.value": Meaning(kinds.ANY, "source"),
    "network-traffic:dst_ref.value": Meaning(kinds.ANY, "destination"),
    "network-traffic:src_port": Meaning(kinds.PORT, "source"),
    "network-traffic:dst_port": Meaning(kinds.PORT, "destination"),
    "network-traffic:extensions.http-request-ext.request_header.User-Agent": Meaning(
        kinds.USER_AGENT
    ),
    "x509-certificate:serial_number": Meaning(kinds.CERTIFICATE),
    "x509-certificate:issuer": Meaning(kinds.CERTIFICATE),
    "x509-certificate:subject": Meaning(kinds.CERTIFICATE),
}
_WITH_HASHES = (
    "file:hashes.", "x509-certificate:hashes.", "process:image_ref.hashes.",
    "process:binary_ref.hashes.", "artifact:hashes.",
)  # fmt: skip
_PARENT_HASHES = ("process:parent_ref.image_ref.hashes.", "process:parent_ref.binary_ref.hashes.")
_FUZZY = frozenset({"SSDEEP", "TLSH", "IMPHASH", "PEHASH", "AUTHENTIHASH", "LSH"})


def meaning_of(path: str) -> Meaning | None:
    """What a path (`type:property`, quotes off, list steps as `[*]`) is; None for what is not seen.

    Which hash algorithm a path names does not matter, the value tells; fuzzy hashes need another
    comparison than equality and are not seen.
    """
    for prefixes, role in ((_WITH_HASHES, ""), (_PARENT_HASHES, "parent")):
        if path.startswith(prefixes):
            fuzzy = path.rpartition(".")[2].upper() in _FUZZY
            return None if fuzzy else Meaning(kinds.HASH, role)
    return _EXACT.get(path)
