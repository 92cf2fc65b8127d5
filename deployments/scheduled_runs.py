"""Lets the scheduler of Prefect's server create runs with SQLAlchemy 2.1; without it no schedule starts anything.

Prefect 3.8.8 inserts scheduled runs with a value for `FlowRun.state`, which is a hybrid attribute and no
column: it writes the states afterwards. SQLAlchemy 2.0 passes such values over, 2.1 raises unless the
attribute says what to do with them. Here it says: nothing.

In Prefect's own commands no module of ours is imported. So a copy of this file lies in site-packages,
wherever the project is installed, and `scheduled_runs.pth` beside it has Python import it as it starts. It
waits until a server loads its models; other processes never do. It imports nothing of ours.

Source: SQLAlchemy 2.1, Hybrid Attributes, bulk_dml (ORM bulk INSERT of hybrids).
"""

import sys

TYPE_CHECKING = False  # as in `typing`, which would take milliseconds of each start of Python
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MODELS = "prefect.server.database.orm_models"


def pass_over(_model: object, _row: object, _value: object) -> None:
    """Write nothing into the row that is inserted: the state has a table of its own."""


class Models:
    """A finder that completes Prefect's models as soon as they are loaded."""

    @staticmethod
    def find_spec(
        name: str, path: "Sequence[str] | None", _target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """The models, which are completed; None for all other modules."""
        if name != MODELS:
            return None
        from importlib.machinery import PathFinder  # noqa: PLC0415 - as above

        found = PathFinder.find_spec(name, path)
        if found is None or found.loader is None:
            return None
        load = found.loader.exec_module

        def load_and_complete(module: "ModuleType") -> None:
            load(module)
            for model in (module.FlowRun, module.TaskRun):
                vars(model)["state"].bulk_dml_setter = pass_over

        found.loader.exec_module = load_and_complete  # type: ignore[method-assign]  # of this one loader
        return found


sys.meta_path.insert(0, Models)
