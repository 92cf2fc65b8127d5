"""Optional parts of the installation, named in pyproject.toml as extras."""

from importlib.util import find_spec

from agents.runtime.errors import MissingExtra


def require(extra: str, *packages: str) -> None:
    """Raise MissingExtra unless all packages of the extra, by their import names, are installed."""
    if any(find_spec(package) is None for package in packages):
        raise MissingExtra(extra)
