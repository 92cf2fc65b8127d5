"""Trust: who a caller is, by an API key, a JSON Web Token or a session of the console."""

from deployments.gateway.trust.credentials import authenticator

__all__ = ["authenticator"]
