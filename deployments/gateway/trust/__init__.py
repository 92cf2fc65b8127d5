"""Trust: who a caller is, by an API key, a JSON Web Token or a session of the console."""

from deployments.gateway.trust.closed import is_loopback, require_closed
from deployments.gateway.trust.credentials import authenticator
from deployments.gateway.trust.hardening import harden

__all__ = ["authenticator", "harden", "is_loopback", "require_closed"]
