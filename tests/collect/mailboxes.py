"""A small IMAP server of our own on loopback: one account, one folder."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Folder:
    """What is in the mailbox; a test may change it while it is served."""

    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    validity: int = 7
    secret: str = "opensesame"
    port: int = 0
    commands: list[str] = field(default_factory=list)
    cut: int = 0
    """So many fetches break off."""
    huge: bool = False
    """A fetch promises far more than was asked for."""


class _Session(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        folder = self.server.folder
        self._say("* OK ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            folder.commands.append(command)
            name, _, rest = command.partition(" ")
            match name.upper():
                case "CAPABILITY":
                    self._say("* CAPABILITY IMAP4rev1", f"{tag} OK done")
                case "LOGIN":
                    right = rest.endswith(f'"{folder.secret}"')
                    self._say(f"{tag} OK done" if right else f"{tag} NO [AUTHENTICATIONFAILED] no")
                case "SELECT":
                    self._say(
                        f"* {len(folder.mails)} EXISTS", f"* OK [UIDVALIDITY {folder.validity}]"
                    )
                    self._say(f"{tag} OK [READ-WRITE]")
                case "UID":
                    if not self._uid(tag, rest, folder):
                        return
                case _:
                    self._say(f"{tag} BAD what")

    def _uid(self, tag: str, rest: str, folder: Folder) -> bool:
        name, _, rest = rest.partition(" ")
        first, last = (re.search(r"(\d+):(\d+|\*)", rest) or re.search(r"(\d+)()", rest)).groups()  # type: ignore[union-attr]  # one of them fits
        if name == "SEARCH":
            top = max(folder.mails, default=0) if last == "*" else int(last)
            low = min(int(first), top)  # RFC 3501: n:* always has the last one
            found = [uid for uid in sorted(folder.mails) if low <= uid <= top]
            if "UNSEEN" in rest:
                found = [uid for uid in found if uid not in folder.seen]
            self._say("* SEARCH " + " ".join(map(str, found)), f"{tag} OK done")
        elif name == "STORE":
            folder.seen |= {int(uid) for uid in rest.partition(" ")[0].split(",")}
            self._say(f"{tag} OK done")
        elif name == "FETCH":
            return self._fetch(tag, rest, folder)
        return True

    def _fetch(self, tag: str, rest: str, folder: Folder) -> bool:
        uid = int(rest.partition(" ")[0])
        most = int(re.search(r"<0\.(\d+)>", rest)[1])  # type: ignore[index]  # always there
        mail = folder.mails[uid]
        part = mail[:most]
        told = 10**9 if folder.huge else len(part)
        self._say(
            f"* 1 FETCH (UID {uid} RFC822.SIZE {len(mail)} "
            f'INTERNALDATE " 5-Jan-2026 08:00:0{uid % 10}'
            f' +0100" BODY[]<0> {{{told}}}'
        )
        if folder.cut:
            folder.cut -= 1
            self.wfile.write(part[: len(part) // 2])
            return False
        self.wfile.write(part)
        self._say(")", f"{tag} OK done")
        return True

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    folder: Folder


@contextmanager
def mailbox(*mails: bytes) -> Iterator[Folder]:
    """Serve a folder with these mails, numbered from 1."""
    folder = Folder(dict(enumerate(mails, 1)))
    server = _Server(("127.0.0.1", 0), _Session)
    server.folder = folder
    folder.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield folder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
