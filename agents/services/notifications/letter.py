"""A message as an e-mail: envelope, header and body, in bytes that every server takes.

Sources: RFC 5322 (format), RFC 2047 (words beyond ASCII in a header), RFC 3834, section 5 (automatic
messages say so, and no automatic reply comes back).
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from agents.runtime.errors import PermanentError
from agents.runtime.telemetry import traceparent
from agents.services.notifications.mailbox import Mailbox, mailbox
from agents.services.notifications.protocol import Message

# A header ends at a line break, and Python breaks lines at all of these.
UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_POLICY = SMTP.clone(cte_type="7bit")  # not every server takes other bytes


class BadMessage(PermanentError):
    """The message cannot be written as an e-mail."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the message cannot be sent as an e-mail: {self.problem}"


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail: who gets it, and its header and body."""

    recipient: Mailbox
    content: bytes


def letter(key: str, message: Message, sender: Address) -> Letter:
    """Write the message as an e-mail. Raises BadAddress and BadMessage.

    The Message-ID is made of the key: a message that goes out twice can be recognised.
    """
    recipient = mailbox(message.to)
    if any(unicodedata.category(character) in UNSAFE for character in message.subject):
        raise BadMessage("its subject has a line break or a control character")
    written = EmailMessage(policy=_POLICY)
    written["From"] = sender
    written["Subject"] = message.subject
    written["Date"] = formatdate()
    written["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{sender.domain}>"
    written["Auto-Submitted"] = "auto-generated"
    written["Traceparent"] = traceparent()  # of W3C Trace Context, as in calls over HTTP
    try:
        written.set_content(message.text)
    except UnicodeEncodeError:
        raise BadMessage("its text has a character that UTF-8 does not have") from None
    # Python's header class would parse the address; its line is written as it was checked.
    return Letter(recipient, f"To: <{recipient.address}>\r\n".encode() + written.as_bytes())
