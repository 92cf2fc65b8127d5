"""Fixtures of the deployment tests."""

from tests.prefect_server import prefect_server

__all__ = ["prefect_server"]
