"""A message by mail or to a webhook, within bounds of time. What goes wrong comes back in words without an address.

A webhook gets JSON; with URBANBRAIN_SECRET_WEBHOOK its bytes are signed, `X-Urbanbrain-Signature: sha256=<hmac>`,
and the secret itself is never sent. A password goes to a mail server over TLS only, or on this very machine.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
import threading
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pipelines import settings
from pipelines.errors import SettingError
from pipelines.notices.addresses import Addressee
from pipelines.notices.message import Message

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
WHOLE_SECONDS = 45.0
"""How long one message may take in all; a server that drips a letter every few seconds trips no other limit."""
_SCHEMES = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
_HERE = ("localhost", "127.0.0.1", "::1")


def send(message: Message, to: Addressee, at: datetime) -> str:
    """Send a message; "" once it was taken, else what went wrong. What was given up may still arrive, and again."""
    answers: list[str] = []
    way = _mail if to.channel == "mail" else _post
    thread = threading.Thread(target=lambda: answers.append(way(message, to, at)), daemon=True)
    thread.start()
    thread.join(WHOLE_SECONDS)
    return answers[0] if answers else f"it did not take it within {WHOLE_SECONDS:g} s"


def _mail(message: Message, to: Addressee, at: datetime) -> str:
    try:
        server = _server()
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.subject, settings.mail_sender(), to.target
        mail["Date"], mail["Message-ID"] = format_datetime(at), make_msgid(domain="urbanbrain.invalid")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        with _connected(server) as connection:
            if server.username:
                connection.login(server.username, settings.secret("smtp"))
            connection.send_message(mail)
    except SettingError as error:
        return error.message
    except ValueError:
        return "URBANBRAIN_NOTIFY_FROM is no mail address"
    except smtplib.SMTPRecipientsRefused:
        return "the mail server does not take mail for this address"
    except smtplib.SMTPAuthenticationError:
        return "the mail server does not accept our user and password"
    except smtplib.SMTPResponseException as error:
        return f"the mail server answered {error.smtp_code}"
    except (smtplib.SMTPException, OSError, ssl.SSLError) as error:
        return f"the mail server cannot be reached ({type(error).__name__})"
    return ""


def _server() -> SplitResult:
    """The mail server of the environment. Raises SettingError when there is none, or none that can be used."""
    text = settings.mail_server()
    how = "export URBANBRAIN_SMTP=smtp+tls://user@mail.example.org:587"
    if not text:
        raise SettingError("URBANBRAIN_SMTP is not set, and mail needs a server", next_step=how)
    try:
        server = urlsplit(text)
        host, _ = server.hostname, server.port
    except ValueError:
        host, server = None, urlsplit("")
    if server.scheme not in _SCHEMES or not host or server.password is not None:
        raise SettingError(
            "URBANBRAIN_SMTP cannot be used, expected smtp://, smtp+tls:// or smtps:// with a host, no password",
            next_step=how,
        )
    if server.username and server.scheme == "smtp" and host not in _HERE:
        raise SettingError(
            "URBANBRAIN_SMTP has a user, and its password may not travel without TLS", next_step=how
        )
    return server


def _connected(server: SplitResult) -> smtplib.SMTP:
    host, port = str(server.hostname), server.port or _SCHEMES[server.scheme]
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=ANSWER_SECONDS, context=ssl.create_default_context())
    connection = smtplib.SMTP(host, port, timeout=ANSWER_SECONDS)
    if server.scheme == "smtp+tls":
        connection.starttls(context=ssl.create_default_context())
    return connection


def _post(message: Message, to: Addressee, at: datetime) -> str:
    import requests

    body = json.dumps(_body(message, at), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "urbanbrain"}
    if secret := settings.optional_secret("webhook"):
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Urbanbrain-Signature"] = f"sha256={signature}"
    try:
        with requests.Session() as session:
            session.trust_env = False  # neither ~/.netrc nor a proxy learns of it
            with session.post(
                to.target,
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
                stream=True,  # what it answers is nobody's business, however long it is
            ) as answer:
                return "" if 200 <= answer.status_code < 300 else f"it answered {answer.status_code}"
    except (requests.RequestException, ValueError, OSError) as error:  # their texts carry the whole address
        return f"it cannot be reached ({type(error).__name__})"


def _body(message: Message, at: datetime) -> dict[str, Any]:
    return {
        "source": "urbanbrain",
        "sent_at": at.isoformat(),
        "text": f"{message.subject}\n\n{message.text}",
        "changes": [
            {
                "notice_id": change.notice_id,
                "feed_id": change.feed_id,
                "level": change.level,
                "business_name": change.business_name,
                "before": change.before,
                "after": change.after,
                "business_date": change.business_date.isoformat() if change.business_date else None,
                "due": change.due.astimezone(message.zone).isoformat() if change.due else None,
                "arrived": change.arrived.astimezone(message.zone).isoformat() if change.arrived else None,
                "rows": change.rows,
                "expected_rows": None
                if change.expected_lo is None
                else [change.expected_lo, change.expected_hi],
            }
            for change in message.changes
        ],
    }
