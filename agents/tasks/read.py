"""Reads a workflow from a file: YAML or JSON in our own form, or WfFormat. Every mistake is found here."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from agents.services.files.limits import Limits
from agents.services.files.opening import opened
from agents.services.files.outcomes import Fault, SourceError
from agents.services.files.strict_json import StrictJson
from agents.tasks.graph import graph_problems
from agents.tasks.models import Workflow
from agents.tasks.wfformat import from_wfformat, is_wfformat
from agents.workflow.records import MOST_PROBLEMS, InvalidRecord, Problem, shaped

MOST_BYTES = 64 * 2**20
LIMITS = Limits(record_bytes=MOST_BYTES, columns=100_000)
IN_TASK = re.compile(r"tasks\[(\d+)\]\.?")


class BadWorkflow(InvalidRecord):
    """The workflow cannot run; its problems name task, field and rule."""

    noun: ClassVar[str] = "workflow"


def read_workflow(
    file: str, *, scale: float = 1.0, name: str | None = None, open_needs: bool = False
) -> Workflow:
    """The workflow in a file, with every duration times `scale`, under another `name` if one is given.

    With `open_needs`, its tasks may need others that the file does not have. Raises SourceError and
    BadWorkflow.
    """
    body = dict(_document(file))
    if is_wfformat(body):
        body = _converted(body, scale)
    elif scale != 1.0:
        body = _scaled(body, scale)
    if name is not None:
        body["name"] = name
    return check(body, open_needs=open_needs)


def tasks_in(text: bytes, workflow: str) -> Workflow:
    """The tasks in a text, in the form of a file, for the workflow of this name; they may need others of it.

    Raises BadWorkflow.
    """
    body = dict(_parsed(text, is_yaml=False))
    if body.get("name", workflow) != workflow:
        _refuse([Problem("name", "other", None, f"is not {workflow}")])
    return check(body | {"name": workflow}, open_needs=True)


def check(body: Mapping[str, object], *, open_needs: bool = False) -> Workflow:
    """The body as a workflow; with `open_needs` its tasks may need others. Raises BadWorkflow."""
    try:
        workflow = shaped(Workflow, body, BadWorkflow)
    except BadWorkflow as error:
        problems = [_with_task(problem, body) for problem in error.problems]
        raise BadWorkflow(tuple(problems)) from None
    _refuse(graph_problems(workflow, open_needs=open_needs))
    return workflow


def _refuse(problems: Iterable[Problem]) -> None:
    if found := tuple(problems)[:MOST_PROBLEMS]:
        raise BadWorkflow(found)


def _with_task(problem: Problem, body: Mapping[str, object]) -> Problem:
    """The problem with the id of its task, if it has one, instead of its place."""
    place, tasks = IN_TASK.match(problem.field), body.get("tasks")
    if place is None or not isinstance(tasks, list):
        return problem
    task = tasks[int(place[1])]
    found = task.get("id") if isinstance(task, dict) else None
    named = (
        f"task {found}" if isinstance(found, str) and found.isprintable() else place[0].rstrip(".")
    )
    field = problem.field[place.end() :]
    where = f"{named[:80]}: {field}" if field else named[:80]
    return Problem(where, problem.rule, problem.limit, problem.message)


def _document(file: str) -> Mapping[str, Any]:
    """What the file holds. A file that begins with a brace is JSON, any other is YAML."""
    with opened(file) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise SourceError("too-large", f"has more than {MOST_BYTES:,} bytes", file)
    return _parsed(data, is_yaml=Path(file).suffix in {".yaml", ".yml"})


def _parsed(data: bytes, *, is_yaml: bool) -> Mapping[str, Any]:
    if data.lstrip()[:1] == b"{" and not is_yaml:
        parsed = StrictJson(LIMITS).parse(data)
        if isinstance(parsed, Fault):
            _refuse([Problem(parsed.field, parsed.rule, None, parsed.text)])
        assert isinstance(parsed, dict)
        return parsed
    return _yaml(data)


class _PlainLoader(yaml.SafeLoader):
    """YAML's safe loader, without aliases, which can stand for much more than a file holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias, which is not taken here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as in the class above
        seen = set[str]()
        for key, _ in node.value:
            if key.value in seen if isinstance(key.value, str) else True:
                text = f"{key.value}: is there twice" if seen else "is no plain key"
                raise yaml.MarkedYAMLError(problem=text, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _yaml(data: bytes) -> Mapping[str, Any]:
    try:
        found = _PlainLoader(data.decode("utf-8")).get_single_data()
    except UnicodeDecodeError:
        return _refused("encoding", "is not UTF-8")
    except RecursionError:
        return _refused("too-deep", "is nested too deeply")
    except (yaml.YAMLError, ValueError) as error:
        words = " ".join(str(error).split())[:300]
        return _refused("yaml", words)
    if not isinstance(found, dict):
        return _refused("type", "should have the keys name and tasks")
    return found


def _refused(rule: str, message: str) -> Mapping[str, Any]:
    raise BadWorkflow((Problem("", rule, None, message),))


def _converted(body: Mapping[str, Any], scale: float) -> dict[str, Any]:
    try:
        return from_wfformat(body, scale)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        words = f"is not WfFormat {str(body['schemaVersion'])[:20]}: {type(error).__name__} {error}"
        problem = Problem("workflow", "wfformat", None, words[:300])
    raise BadWorkflow((problem,))


def _scaled(body: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """The body with its durations scaled; what is no duration is left to the check."""
    tasks = body.get("tasks")
    if not isinstance(tasks, list):
        return dict(body)
    scaled = [_scaled_task(task, scale) if isinstance(task, dict) else task for task in tasks]
    return dict(body) | {"tasks": scaled}


def _scaled_task(task: Mapping[str, Any], scale: float) -> dict[str, Any]:
    numbers = {
        field: task[field] * scale
        for field in ("seconds", "expected")
        if isinstance(task.get(field), int | float) and not isinstance(task[field], bool)
    }
    return dict(task) | numbers
