"""The command line."""

import sys

import pytest

from agents.services.sandbox.__main__ import main


def test_it_explains_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sandbox", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "--stock" in capsys.readouterr().out


def test_it_asks_for_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sandbox"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
