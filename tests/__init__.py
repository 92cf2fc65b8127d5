"""Tests, fault tests and benchmarks."""

import os
import sys

# Where a container keeps no bytecode, each of hundreds of child processes would compile all packages.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
