"""The READMEs of customer service and the shop are short and name every file and contract there is."""

import re

import pytest

from agents.runtime.messaging import RequestReply, Topic
from agents.runtime.settings import ROOT
from agents.shop import contracts
from agents.support.evaluation.attacks import attacks

AGENTS = ROOT / "agents"
PROGRAM = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def text_of(folder: str) -> str:
    return (AGENTS / folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize("folder,words", [("support", 780), ("shop", 300)])
def test_it_is_short_and_lists_every_file(folder: str, words: int) -> None:
    text = text_of(folder)
    assert len(text.split()) <= words
    named = set(re.findall(r"`([\w/]+(?:\.py|\.yaml|/))`", text))
    files = {path.name for path in (AGENTS / folder).glob("[!_]*.py")}
    folders = {f"{p.name}/" for p in (AGENTS / folder).iterdir() if (p / "__init__.py").is_file()}
    assert files <= named
    assert {f for f in folders if not any(name.startswith(f) for name in named)} == set()
    missing = {name for name in named if not (AGENTS / folder / name).exists()}
    assert {name for name in missing if not (ROOT / name).exists()} == set()


def test_every_contract_is_named() -> None:
    names = {name for name, one in vars(contracts).items() if isinstance(one, RequestReply | Topic)}
    assert len(names) == 4
    for folder in ("support", "shop"):
        assert names == set(re.findall(r"^\| `([A-Z_]+)` \|", text_of(folder), re.MULTILINE))


def test_the_attacks_are_as_many_as_it_says() -> None:
    assert "tries 800 attacks" in text_of("support")
    assert len(attacks("A100")) >= 800


def test_its_program_has_what_it_prints_beside_it() -> None:
    """tests/test_readme.py runs it and compares."""
    assert len(PROGRAM.findall(text_of("shop"))) == 1
