"""A process of ours ends without a search for garbage among all modules."""

import subprocess
import sys

import pytest

from tests.prefect_server import ROOT

# What is registered first runs last.
CODE = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); import {}"


@pytest.mark.parametrize("package", ["flows", "deployments"])
def test_modules_are_exempt_from_garbage_collection_as_a_process_ends(package: str) -> None:
    command = [sys.executable, "-c", CODE.format(package)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
