"""Writes numbered lines to a log: `python -m tests.agents.runtime.logging_child FOLDER NAME LINES SIZE BYTES`.

With LINES 0 it writes until it is killed. With SIZE negative its disk is full for a while: the system
refuses what goes beyond 13,000 bytes.
"""

import json
import logging
import resource
import sys
from itertools import count
from pathlib import Path

from agents.runtime.log_file import LogFile

FULL = 13_000
KEPT = 500


def main() -> None:
    folder, name = sys.argv[1:3]
    lines, size, most = map(int, sys.argv[3:6])
    handler = LogFile.of(Path(folder), most, KEPT)
    log = logging.getLogger("lines")
    log.addHandler(handler)
    log.propagate = False
    log.setLevel("INFO")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    for number in range(lines) if lines else count():
        if size < 0 and number in {20, 40}:
            resource.setrlimit(resource.RLIMIT_FSIZE, (FULL if number == 20 else -1, unlimited[1]))
        log.info(json.dumps({"from": name, "n": number, "more": "x" * abs(size)}))
        if number == 0:
            sys.stdout.write("begun\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
