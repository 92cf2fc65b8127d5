"""Keeps Prefect from announcing and sending usage data; a value that the environment has is left alone.

Prefect reads DO_NOT_TRACK from the environment while it is imported, so this must come first, in its own
commands (`prefect server start`) as well. `do_not_track.pth` beside this file therefore lies in
site-packages wherever the project is installed, and Python runs its line, the same as below, as it
starts; it imports nothing of ours, so that a copy of the project runs its own code. Where the project is
not installed, `agents.runtime`, `flows` and `deployments` import this module.
"""

import os

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")  # the server asks for this one
