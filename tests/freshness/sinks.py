"""A real mail server and a real web server on this machine, that keep what they are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from answering import Quiet, listening


class Mailbox:
    """Mail that was taken; `answer` is what the server says to the next."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        if self.answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
            self.recipients.append(list(envelope.rcpt_tos))
        return self.answer

    def texts(self) -> list[str]:
        return [mail.get_content() for mail in self.mails]


class _Server(Controller):
    def _trigger_server(self) -> None:  # it would talk to port 0
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@contextmanager
def mail() -> Iterator[tuple[Mailbox, str]]:
    """A mailbox and the URL of its server."""
    box = Mailbox()
    server = _Server(box, hostname="127.0.0.1", port=0)
    server.start()
    try:
        yield box, f"smtp://127.0.0.1:{server.port}"
    finally:
        server.stop()


class Hook:
    """Posts that were taken: path, headers, bytes; `status` is the answer to the next, given once it may go on."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.posts]


@contextmanager
def web() -> Iterator[tuple[Hook, str]]:
    """A hook and its URL."""
    hook = Hook()

    class Handler(Quiet):
        def do_POST(self) -> None:
            hook.may_go_on.wait()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status < 300:
                hook.posts.append((self.path, dict(self.headers), body))
            elsewhere = {"Location": "/elsewhere"} if hook.status == 302 else {}
            self.answer(b"", hook.status, **elsewhere)

    with listening(Handler) as url:
        yield hook, url
