"""Writes dashboards, rules and runbook from the catalogue and the alerts, or checks them.

Run it with `python -m deployments.observability --write` after a change of either.
"""

import sys
from pathlib import Path

from agents.runtime.command_line import run_command
from deployments.observability import dashboards, pages, rules
from deployments.observability.alerts import ALERTS

HERE = Path(__file__).parent


def generated(folder: Path = HERE) -> dict[Path, str]:
    """The text of each file that is made in the folder."""
    files = {
        f"prometheus/{rules.RULES}": rules.rules(),
        f"prometheus/{rules.TESTS}": rules.unit_tests(),
        "runbook/README.md": pages.contents(),
    }
    files |= {f"grafana/{name}.json": dashboards.dashboard(name) for name in dashboards.DASHBOARDS}
    files |= {f"runbook/{one.word}.md": pages.page(one) for one in ALERTS}
    return {folder / name: text for name, text in files.items()}


def differences(folder: Path = HERE) -> list[str]:
    """What is not as it is made: one line for each file."""
    wanted = generated(folder)
    found = {path: path.read_text("utf-8") if path.exists() else "" for path in wanted}
    changed = [path for path, text in wanted.items() if found[path] != text]
    parents = sorted({path.parent for path in wanted})
    extra = [path for parent in parents for path in parent.glob("*") if path not in wanted]
    return [f"{path.relative_to(folder)} is not as it is made" for path in (*changed, *extra)]


def main() -> int:
    """Check the files, or with --write write them. Returns 1 if one is not as it is made."""
    if "--write" in sys.argv[1:]:
        for path, text in generated().items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    found = differences()
    print(
        "\n".join(found) or "dashboards, rules and runbook are as the catalogue and the alerts say"
    )
    return int(bool(found))


if __name__ == "__main__":
    run_command(main)
