"""How a flow reaches a worker.

resources  work pools, queues, limits and automations as data
apply      creates and updates them on a Prefect server; `prefect --no-prompt deploy --all` follows
check      compares prefect.yaml with the flows and with resources, offline
lock       writes requirements.lock: exact versions with hashes, for images and plain pip
"""

import agents.do_not_track
import agents.network
import agents.starting  # noqa: F401 - what is said when an import is interrupted
