"""What every agent shares and what keeps work safe; knows Prefect and SQL, and no business.

Importing it sets what must hold for the temporary Prefect server wherever a flow starts; a value
that the environment already has is left alone.
"""

import os
import sys

TEMPORARY_SERVER = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # 20 is too short on a slow machine
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # One transaction an event is the default: too slow to keep up with the runs it records.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

for _name, _value in TEMPORARY_SERVER.items():
    os.environ.setdefault(_name, _value)
if "prefect.context" in sys.modules:
    sys.modules["prefect.context"].refresh_global_settings_context()
