"""What all agents share and what keeps work safe. It knows Prefect and SQL, and no business.

The names of this package are all that an agent, a scenario or a flow needs. Each name is imported at
its first use, so that the journal can be used without Prefect. Importing the package sets defaults of
the local Prefect server for every entry point; the environment overrides them.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import agents.do_not_track
import agents.network

if TYPE_CHECKING:
    from agents.runtime.context import open_runtime, runtime
    from agents.runtime.errors import (
        AgentError,
        KeySpent,
        Parked,
        Pending,
        PermanentError,
        TransientError,
        UnknownOutcome,
        WrongOutcome,
    )
    from agents.runtime.execution.agent import (
        Agent,
        BegunAt,
        EffectKey,
        Reference,
        UndoneKey,
    )
    from agents.runtime.execution.budgets import spent
    from agents.runtime.execution.decorator import agent
    from agents.runtime.execution.graph import graph
    from agents.runtime.execution.saga import saga
    from agents.runtime.intake.intake import (
        Intake,
        Rejection,
        Submission,
    )
    from agents.runtime.model.batch import Batch, RunStats
    from agents.runtime.model.item import Decision, Item, Notice
    from agents.runtime.model.policies import (
        AT_MOST_ONCE,
        CPU,
        EFFECT,
        MODEL,
        PURE,
        READ,
        Lookup,
        SameKey,
    )
    from agents.runtime.model.scenario import Scenario
    from agents.runtime.provided import provide
    from agents.runtime.settings import Settings

_FACE = {
    "execution.agent": ["Agent", "BegunAt", "EffectKey", "Reference", "UndoneKey"],
    "execution.budgets": ["spent"],
    "execution.decorator": ["agent"],
    "execution.graph": ["graph"],
    "execution.saga": ["saga"],
    "intake.intake": ["Intake", "Rejection", "Submission"],
    "context": ["open_runtime", "runtime"],
    "errors": [
        "AgentError",
        "KeySpent",
        "Parked",
        "Pending",
        "PermanentError",
        "TransientError",
        "UnknownOutcome",
        "WrongOutcome",
    ],
    "model.batch": ["Batch", "RunStats"],
    "model.item": ["Decision", "Item", "Notice"],
    "model.policies": [
        "AT_MOST_ONCE",
        "CPU",
        "EFFECT",
        "MODEL",
        "PURE",
        "READ",
        "Lookup",
        "SameKey",
    ],
    "model.scenario": ["Scenario"],
    "provided": ["provide"],
    "settings": ["Settings"],
}
_MODULE_OF = {name: module for module, names in _FACE.items() for name in names}

__all__ = [
    "AT_MOST_ONCE",
    "CPU",
    "EFFECT",
    "MODEL",
    "PURE",
    "READ",
    "Agent",
    "AgentError",
    "Batch",
    "BegunAt",
    "Decision",
    "EffectKey",
    "Intake",
    "Item",
    "KeySpent",
    "Lookup",
    "Notice",
    "Parked",
    "Pending",
    "PermanentError",
    "Reference",
    "Rejection",
    "RunStats",
    "SameKey",
    "Scenario",
    "Settings",
    "Submission",
    "TransientError",
    "UndoneKey",
    "UnknownOutcome",
    "WrongOutcome",
    "agent",
    "graph",
    "open_runtime",
    "provide",
    "runtime",
    "saga",
    "spent",
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name at its first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


TEMPORARY_SERVER = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # 20 is too short on a slow machine
    # The default is one transaction per event, which is too slow for the runs that it records.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

for _name, _value in TEMPORARY_SERVER.items():
    os.environ.setdefault(_name, _value)
if "prefect.context" in sys.modules:
    sys.modules["prefect.context"].refresh_global_settings_context()
