import base64
import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.mails import BAIT, HOSTILE, plain, report

from tocsin.formats.mail import MAX_FILES, MAX_MAILS, Mail, Person, read_mail


def all_in(mail: Mail) -> list[Mail]:
    return [mail, *(deeper for inner in mail.mails for deeper in all_in(inner))]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("message/rfc822", ""), ("application/octet-stream", "odd.eml"),
     ("message/rfc822; x=1", "odd.eml"), ("text/plain", "ODD.EML")],
)  # fmt: skip
def test_a_reported_mail_is_told_apart_from_its_report(kind: str, name: str) -> None:
    mail = read_mail(report((kind.partition(";")[0], name, BAIT)))
    assert mail.sender == (Person("mira@orchard.example", "Mira Holt"),)
    assert mail.text.strip() == "I did not click."
    assert mail.urls == ()
    (bait,) = mail.mails
    assert bait.sender == (Person("it@bait.example", "IT Service"),)
    assert bait.subject == "Password \u2013 act"
    assert [one.address for one in bait.to] == ["mira@orchard.example", "jon@orchard.example"]
    assert bait.message_id == "1@bait.example"
    assert bait.urls == ("https://login.bait.example/?a=1&b=2",)
    assert bait.text == "Keep it"
    assert [(hop.host, hop.ip) for hop in bait.received] == [
        ("mx.bait.example", "203.0.113.9"), ("desk", "2001:db8::1"),
    ]  # fmt: skip
    # what the sender wrote himself about his mail does not count
    assert {v.method: v.result for v in bait.verdicts} == {
        "spf": "fail", "dkim": "none", "dmarc": "fail",
    }  # fmt: skip
    assert bait.depth == 1


def test_files_are_hashed_and_never_opened() -> None:
    data = b"PK\x05\x06" + b"\0" * 18
    mail = read_mail(report(("application/zip", "form.zip", data)))
    (file,) = mail.files
    assert (file.name, file.type, file.size) == ("form.zip", "application/zip", 22)
    assert file.sha256 == sha256(data).hexdigest()
    assert mail.mails == ()


def test_an_encoded_mail_is_read_although_none_should_be() -> None:
    head = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    (bait,) = read_mail(head + base64.encodebytes(BAIT)).mails
    assert bait.sha256 == sha256(BAIT).hexdigest()
    assert bait.sender[0].address == "it@bait.example"


@pytest.mark.parametrize(
    "mark",
    ["---------- Forwarded message ---------", "-----Original Message-----",
     "Begin forwarded message:", "-----Urspr\u00fcngliche Nachricht-----"],
)  # fmt: skip
def test_what_was_forwarded_in_the_text_is_found(mark: str) -> None:
    text = f"Is it real?\n\n{mark}\nFrom: Billing <pay@bait.example>\nSubject: Invoice 47\n\n"
    (bait,) = read_mail(plain(text + "Pay at hxxps://pay[.]bait.example/4711.")).mails
    assert bait.how == "quoted"
    assert bait.sender == (Person("pay@bait.example", "Billing"),)
    assert bait.subject == "Invoice 47"
    assert bait.urls == ("https://pay.bait.example/4711",)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mails_cost_little_and_break_nothing(name: str) -> None:
    began = time.process_time()
    mail = read_mail(HOSTILE[name])
    assert time.process_time() - began < 4
    assert mail.sha256 == sha256(HOSTILE[name]).hexdigest()
    found = all_in(mail)
    assert len(found) <= MAX_MAILS + 1
    assert all(len(one.files) <= MAX_FILES and len(one.text) <= 4_000 for one in found)
    for one in found:
        str(one).encode()


@pytest.mark.parametrize("name", ["boundaries", "parts", "mails in mails", "lines"])
def test_what_was_not_read_is_said(name: str) -> None:
    told = {problem for one in all_in(read_mail(HOSTILE[name])) for problem in one.problems}
    assert told & {"too-many-parts", "too-many-mails"}


@given(
    st.lists(
        st.sampled_from(
            [b"Content-Type: ", b"multipart/mixed", b"message/rfc822", b"text/html",
             b'; boundary="b"',
             b"\r\n", b"\r\n\r\n", b"--b", b"--b--", b"From: ", b"=?utf-8?q?", b"?=", b"<", b"@",
             b"\xff",
             b"Content-Transfer-Encoding: base64", b"Content-Disposition: attachment; filename*=",
             b"x.eml", b"QQ==", b"Received: from a [", b";", b'"', b"(", b"\\", b","]
        ),
        max_size=40,
    )
)  # fmt: skip
def test_no_mail_breaks_it(pieces: list[bytes]) -> None:
    for one in all_in(read_mail(b"".join(pieces))):
        str(one).encode()
