"""The mailbox of reported phishing, against a server of our own."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from tests.collect.mailboxes import Folder, mailbox
from tests.collect.pulled import pulled, until
from tests.collect.pushing import RealClock
from tests.formats.mails import BAIT, HOSTILE, plain, report

from tocsin.app.inlets import inlets_of
from tocsin.app.site import Site
from tocsin.collect import pulling
from tocsin.collect.transports.mailbox import Arrived, records_of
from tocsin.errors import SettingsError
from tocsin.settings import load


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "SHORTEST", 0.02)
    monkeypatch.setattr(pulling, "LONGEST", 0.05)


def text(folder: Folder, root: Path) -> str:
    (root / "password").write_text("opensesame\n")
    return f"""
        [[input]]
        kind = "imap"
        host = "127.0.0.1"
        port = {folder.port}
        tls = "none"
        user = "phishing"
        password = "file:password"
        interval_seconds = 1
        message_bytes = 65536
        """


def test_mails_are_seen_once_they_are_durable(tmp_path: Path) -> None:
    phish = report(("message/rfc822", "", BAIT))
    with mailbox(phish, plain("I got something odd")) as folder:
        with pulled(tmp_path, text(folder, tmp_path)) as running:
            rows = running.wait(2)
            until(lambda: folder.seen == {1, 2})
            # what is not durable is not seen
            running.held.set()
            folder.mails[3] = plain("third")
            until(lambda: running.puller._queue)
        assert folder.seen == {1, 2}
        assert not [command for command in folder.commands if "DELETE" in command.upper()]
        first = json.loads(rows[0]["raw"])
        assert (rows[0]["origin"], rows[0]["position"]) == ("imap:imap/7", 1)
        assert rows[0]["source_id"] == "reported_mail"
        assert first["arrived"] == "2026-01-05T07:00:01Z"
        assert first["report"]["sha256"] == sha256(phish).hexdigest()
        assert first["reporter"]["address"] == "mira@orchard.example"
        assert first["mail"]["from"]["address"] == "it@bait.example"
        # it goes on behind what is durable, also when the flag of it was lost
        folder.seen = {1}
        with pulled(tmp_path, text(folder, tmp_path)) as running:
            rows = running.wait(3)
            until(lambda: folder.seen == {1, 2, 3})
            assert [row["position"] for row in running.rows()] == [1, 2, 3]


def test_a_folder_that_was_made_anew_is_read_anew(tmp_path: Path) -> None:
    with mailbox(plain("one")) as folder:
        with pulled(tmp_path, text(folder, tmp_path)) as running:
            running.wait(1)
        folder.validity = 8
        with pulled(tmp_path, text(folder, tmp_path)) as running:
            rows = running.wait(2)
    assert [row["origin"] for row in rows] == ["imap:imap/7", "imap:imap/8"]
    assert len({json.loads(row["raw"])["report"]["sha256"] for row in rows}) == 1


def test_what_fails_is_told_and_got_over(tmp_path: Path) -> None:
    with mailbox(plain("one"), b"x" * 200_000) as folder:
        folder.secret, folder.cut = "other", 1
        with pulled(tmp_path, text(folder, tmp_path)) as running:
            troubles = running.puller.troubles
            until(lambda: troubles.counts["denied"])
            assert "opensesame" not in troubles.standing
            folder.huge, folder.secret = True, "opensesame"
            until(lambda: troubles.counts["mailbox"])
            folder.huge = False
            _, large = running.wait(2)
            until(lambda: not troubles.standing)
    told = json.loads(large["raw"])
    assert told["problems"] == ["cut"]
    assert told["report"]["size"] == 200_000


@pytest.mark.parametrize("name", ["boundaries", "parts", "mails in mails", "surrogates", "zeros"])
def test_records_of_hostile_mails_are_small(name: str) -> None:
    raws = records_of(HOSTILE[name], Arrived("m", 1, 1, len(HOSTILE[name]), ""))
    assert 1 <= len(raws) <= 21
    assert all(len(raw) < 200_000 and json.loads(raw)["format"] for raw in raws)


def test_whoever_sent_a_mail_on_reported_it() -> None:
    redirected = b"Resent-From: Jon <jon@orchard.example>\r\n" + BAIT
    (raw,) = records_of(redirected, Arrived("m", 1, 1, len(redirected), ""))
    told = json.loads(raw)
    assert told["reporter"]["address"] == "jon@orchard.example"
    assert told["mail"]["how"] == "itself"


def test_a_mail_in_the_reported_mail_is_told_too() -> None:
    carried = report(("message/rfc822", "", report(("message/rfc822", "", BAIT), text="see")))
    raws = [json.loads(raw) for raw in records_of(carried, Arrived("m", 1, 1, len(carried), ""))]
    assert [one["mail"]["depth"] for one in raws] == [1, 2]
    assert raws[1]["mail"]["from"]["address"] == "it@bait.example"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('host = "mail.example"\ntls = "none"\npassword = "file:password"', "without TLS only"),
        ('host = "mail.example"\npassword = "file:absent"', "file:absent cannot be read"),
        ('host = "mail.example"\npassword = "file:password"\nca = "absent.pem"', "ca: No such"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "password").write_text("x")
    (tmp_path / "tocsin.toml").write_text(f'[[input]]\nkind = "imap"\nuser = "u"\n{line}\n')
    with pytest.raises(SettingsError) as caught:
        inlets_of(Site(tmp_path, load(tmp_path, {}), tmp_path), 1, RealClock())
    assert says in str(caught.value)
