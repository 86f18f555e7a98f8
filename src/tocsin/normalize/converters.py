"""Typed converters: a native value in, the values of one or more OCSF attributes out.

`scalars`, `names` and `lists` hold the functions; here each gets its word in the mapping language
and what comes out of it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tocsin.normalize.lists import (
    answers,
    digest,
    dns_addresses,
    emails,
    first_text,
    hash_value,
    hashes,
    ip_observable,
    one_item,
    phrases,
    quoted_list,
    resource,
    texts,
    words,
)
from tocsin.normalize.names import (
    account,
    account_domain,
    account_name,
    after_dash,
    aws_name,
    before_dash,
    code_in_brackets,
    dn_name,
    email,
    file,
    first_word,
    host_name,
    http_url,
    https_url,
    known,
    login,
    name_of,
    question,
    quoted,
    registry_value,
    service,
)
from tocsin.normalize.scalars import (
    address,
    boolean,
    enclosed_address,
    epoch,
    first_address,
    guid,
    hexadecimal,
    integer,
    logon_id,
    mac,
    milliseconds,
    number,
    port,
    process_id,
    seconds,
    sid,
    socket_address,
    socket_port,
    text,
)


class Converter(msgspec.Struct, frozen=True):
    """A function and what comes out of it.

    `outputs` is empty for one scalar of kind `kind`; otherwise it names the attributes of the
    object that the target path must be, in the order of the tuple that the function returns.
    """

    function: Callable[[Any], Any]
    kind: str
    outputs: tuple[str, ...] = ()
    constants: tuple[tuple[str, int], ...] = ()


CONVERTERS: Mapping[str, Converter] = {
    "text": Converter(text, "string"),
    "int": Converter(integer, "integer"),
    "hex": Converter(hexadecimal, "string"),
    "logon_id": Converter(logon_id, "string"),
    "pid": Converter(process_id, "integer"),
    "bool": Converter(boolean, "boolean"),
    "float": Converter(number, "float"),
    "ip": Converter(address, "ip"),
    "port": Converter(port, "port"),
    "enclosed_ip": Converter(enclosed_address, "ip"),
    "code_in_brackets": Converter(code_in_brackets, "string"),
    "http_url": Converter(http_url, "string"),
    "https_url": Converter(https_url, "string"),
    "first_word": Converter(first_word, "string"),
    "question": Converter(question, "string"),
    "socket_ip": Converter(socket_address, "ip"),
    "socket_port": Converter(socket_port, "port"),
    "guid": Converter(guid, "uuid"),
    "sid": Converter(sid, "string"),
    "mac": Converter(mac, "mac"),
    "time": Converter(milliseconds, "timestamp"),
    "epoch": Converter(epoch, "timestamp"),
    "basename": Converter(name_of, "string"),
    "words": Converter(words, "strings"),
    "list": Converter(one_item, "strings"),
    "account": Converter(account, "object", ("domain", "name")),
    "file": Converter(file, "object", ("name", "path"), (("type_id", 1),)),
    "registry_value": Converter(registry_value, "object", ("name", "path")),
    "hashes": Converter(hashes, "fingerprint"),
    "digest": Converter(digest, "fingerprint"),
    "hash_value": Converter(hash_value, "string"),
    "account_name": Converter(account_name, "string"),
    "account_domain": Converter(account_domain, "string"),
    "first_ip": Converter(first_address, "ip"),
    "before_dash": Converter(before_dash, "string"),
    "after_dash": Converter(after_dash, "string"),
    "texts": Converter(texts, "strings"),
    "quoted": Converter(quoted, "string"),
    "quoted_list": Converter(quoted_list, "strings"),
    "aws_name": Converter(aws_name, "string"),
    "dn_name": Converter(dn_name, "string"),
    "service": Converter(service, "string"),
    "resource": Converter(resource, "resource"),
    "known": Converter(known, "string"),
    "login": Converter(login, "string"),
    "first_text": Converter(first_text, "string"),
    "phrases": Converter(phrases, "strings"),
    "ip_observable": Converter(ip_observable, "observable"),
    "email": Converter(email, "email"),
    "emails": Converter(emails, "emails"),
    "seconds": Converter(seconds, "integer"),
    "host_name": Converter(host_name, "string"),
    "dns_answers": Converter(answers, "dns_answer"),
    "dns_addresses": Converter(dns_addresses, "dns_answer"),
}
"""Every word that `as:` may hold."""
