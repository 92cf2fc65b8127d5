"""The READMEs of the project, and what stands in them: code, commands, links, tables."""

import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND_IN_TEXT = re.compile(r"`((?:uv run )?python -m [^`…]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Readme:
    """One README; `path` is relative to the project's root."""

    path: str
    text: str

    def blocks(self) -> list[tuple[str, str]]:
        """Language and content of each fenced block, in order."""
        return BLOCK.findall(self.text)

    def programs(self) -> list[tuple[str, str | None]]:
        """Each complete Python program, with the output that the next block shows, if it does."""
        blocks = [*self.blocks(), ("", "")]
        return [
            (code, shown if after == "text" else None)
            for (language, code), (after, shown) in pairwise(blocks)
            if language == "python" and "asyncio.run(" in code
        ]

    def commands(self) -> list[str]:
        """Each line of a bash block, without its comment."""
        lines = [
            line for kind, block in self.blocks() if kind == "bash" for line in block.splitlines()
        ]
        return [line.split("  #")[0].strip() for line in lines if line.strip()]

    def commands_in_text(self) -> list[str]:
        """Each `python -m ...` that stands in a sentence or a table, as a line of a terminal."""
        prose = BLOCK.sub("", self.text)
        return [
            f"uv run {found.removeprefix('uv run ')}" for found in COMMAND_IN_TEXT.findall(prose)
        ]

    def table(self, heading: str) -> list[list[str]]:
        """The cells of the first table below a heading, without its header."""
        section = self.text.split(f"# {heading}\n", 1)[1].split("\n#")[0]
        rows = [line for line in section.splitlines() if line.startswith("|")]
        return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]

    def links(self) -> list[str]:
        """Targets of links and pictures inside the project."""
        found = [first or second for first, second in LINK.findall(BLOCK.sub("", self.text))]
        return [target for target in found if "://" not in target]

    def leads_to(self, target: str) -> Path:
        """The file or folder that a link of this README names."""
        return (ROOT / self.path).parent / target.partition("#")[0]

    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        titles = HEADING.findall(BLOCK.sub("", self.text))
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def readmes() -> dict[str, Readme]:
    """Every README by its path, also those not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*README.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file())
    return {path: Readme(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths}
