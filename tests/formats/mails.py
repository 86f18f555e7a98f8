"""Mails to try readers with, good and hostile."""

import base64
from email.message import EmailMessage

BAIT = b"""Received: from mx.bait.example (mx.bait.example [203.0.113.9]) by mx.orchard.example\r
Received: from desk ([IPv6:2001:db8::1]) by mx.bait.example\r
Authentication-Results: mx.orchard.example; spf=fail x; dkim=none; dmarc=fail\r
Authentication-Results: bait.example; spf=pass\r
From: "IT Service" <IT@bait.example>\r
To: mira@orchard.example, "Birk, Jon" <jon@orchard.example>\r
Subject: =?utf-8?q?Password_=E2=80=93_act?=\r
Message-ID: <1@bait.example>\r
Content-Type: text/html; charset=utf-8\r
\r
<style>a{}</style><a href="https://login.bait.example/?a=1&amp;b=2">Keep it</a>\r
"""


def report(*attached: tuple[str, str, bytes], text: str = "I did not click.") -> bytes:
    """A person's mail with attachments: type, name, content."""
    boundary = f"=_{len(text)}"
    parts = [f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()]
    for kind, name, data in attached:
        head = f"Content-Type: {kind}\r\n"
        if name:
            head += f'Content-Disposition: attachment; filename="{name}"\r\n'
        if kind != "message/rfc822":
            head += "Content-Transfer-Encoding: base64\r\n"
        body = data if kind == "message/rfc822" else base64.encodebytes(data)
        parts.append(head.encode() + b"\r\n" + body)
    head = (
        "From: Mira Holt <mira@orchard.example>\r\nTo: phishing@orchard.example\r\n"
        "Subject: odd\r\nMessage-ID: <r@orchard.example>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
    )
    whole = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    return head.encode() + whole + f"--{boundary}--\r\n".encode()


def nested(depth: int) -> bytes:
    """A multipart in a multipart in a multipart."""
    mail = b"From: a@b.example\r\n"
    for level in range(depth):
        mail += f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n'.encode()
    return mail + b"\r\nend"


def matryoshka(depth: int) -> bytes:
    """A mail in a mail in a mail."""
    return b"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n" * depth + BAIT


def many_parts(count: int) -> bytes:
    """A flat mail of many small parts."""
    head = b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
    return head + b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n" * count + b"--x--\r\n"


HOSTILE = {
    "nothing": b"",
    "zeros": b"\0" * 10_000,
    "no end": b"From: " + b"a" * 3_000_000,
    "addresses": b"From: " + b"<" * 20_000 + b"\r\n\r\n",
    "comments": b"From: " + b"(" * 20_000 + b"\r\nTo: " + b'"' * 9_999 + b"\r\n\r\n",
    "charset": b"Content-Type: text/plain; charset=no-such\xff\r\n\r\n\xff\xfe",
    "charset that is none": b"Content-Type: text/plain; charset=hex\r\n\r\nzz",
    "words": b"Subject: =?utf-8?b?" + b"A" * 9 + b"?= =?no-such?q?x?= =?utf-8?b?!!!?=\r\n\r\n",
    "surrogates": b"Subject: =?utf-16?b?2AA=?=\r\nFrom: \xed\xa0\x80 <\xff@x>\r\n\r\n",
    "headers": b"X: y\r\n" * 100_000 + b"\r\n",
    "boundaries": nested(5_000),
    "a few levels": nested(55),
    "mails in mails": matryoshka(2_000),
    "parts": many_parts(10_000),
    "parameters": b"Content-Type: text/plain; " + b"a*0*=x;" * 5_000 + b"\r\n\r\nx",
    "name": b"Content-Type: a/b; name*=utf-8''%ff%zz\r\n\r\nx",
    "encoding": b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    "base64": b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"=" * 99_999,
    "uu": b"Content-Type: a/b\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 6 \n"
    + b"~" * 99,
    "lines": b"From: a@b.example\r\n\r\n" + b"\n" * 2_000_000,
    "html": b"Content-Type: text/html\r\n\r\n" + b"<" * 1_000_000,
    "attributes": b"Content-Type: text/html\r\n\r\n" + b"<a href=" * 100_000,
    "styles": b"Content-Type: text/html\r\n\r\n" + b"<style>" * 100_000,
    "dots": b"\r\n\r\n" + b"hxxp[" * 200_000,
    "forwarded": b"\r\n\r\n" + b"-----Original Message-----\nFrom: " * 20_000,
    "dashes": b"\r\n\r\n" + b"-" * 1_000_000,
}
"""Mails that break something somewhere."""


def plain(text: str) -> bytes:
    """A mail of text."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Jon Birk <jon@orchard.example>", "Fwd: Invoice"
    mail.set_content(text)
    return mail.as_bytes()
