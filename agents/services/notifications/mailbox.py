"""Addresses of e-mail: each is checked against the grammar and goes out as it stands.

No library parses it and writes it again: two parsers that differ send the message to somebody else.
Only a domain with letters beyond ASCII is converted, as the domain name system needs it.

Sources: RFC 5321, sections 4.1.2, 4.1.3 and 4.5.3.1 (grammar and sizes); RFC 6531, section 3.3 (letters
beyond ASCII); RFC 5891 and UTS #46 (domains).
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import idna

from agents.runtime.errors import PermanentError

LONGEST_LOCAL, LONGEST_ADDRESS = 64, 254  # octets
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010FFFF-]+"
_QUOTED = r'"(?:[ !#-\[\]-~\x80-\U0010FFFF]|\\[ -~])*"'
LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|{_QUOTED}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class BadAddress(PermanentError):
    """No mail server could deliver to this address; `problem` says why, without the address."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the address is not a mailbox: {self.problem}"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A checked address: `local` as it was given, `domain` in ASCII."""

    local: str
    domain: str

    @property
    def address(self) -> str:
        """The address as the envelope and the header have it."""
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """Whether only a server with the extension SMTPUTF8 can take it."""
        return not self.local.isascii()


def mailbox(address: str) -> Mailbox:
    """Check an address. Raises BadAddress."""
    local, at, domain = address.rpartition("@")
    if not at or not address.isprintable():
        raise BadAddress("it has no @" if not at else "it has a character that cannot be seen")
    if not LOCAL.fullmatch(local):
        raise BadAddress("the part before the @ breaks the rules of RFC 5321")
    found = Mailbox(local, _domain(domain))
    if len(local.encode()) > LONGEST_LOCAL or len(found.address.encode()) > LONGEST_ADDRESS:
        raise BadAddress(
            f"more than {LONGEST_LOCAL} octets before the @ or {LONGEST_ADDRESS} in all"
        )
    return found


def _domain(domain: str) -> str:
    if domain.startswith("[") and domain.endswith("]"):
        return f"[{_literal(domain[1:-1])}]"
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            domain = ""
    if not DOMAIN.fullmatch(domain):
        raise BadAddress("the part after the @ is no domain")
    return domain


def _literal(text: str) -> str:
    with suppress(ValueError):
        if text.startswith("IPv6:") and "%" not in text:
            IPv6Address(text.removeprefix("IPv6:"))
            return text
        IPv4Address(text)
        return text
    raise BadAddress("the part after the @ is no IP address")
