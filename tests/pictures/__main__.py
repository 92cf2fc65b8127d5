"""The pictures of the README, made from real runs: `uv run python -m tests.pictures [--folder F]`.

- `killed.svg`, `resumed.svg`, `repeated.svg`: what a terminal of 96 columns shows while order processing
  is killed by `kill -9` in the middle, is run again and finishes, and is run once more.
- `prefect.png`: the page of such a run in Prefect's UI. It needs Chromium (Debian: `apt-get install
  chromium`) and is left out, with the reason, where that is not installed.

All that the runs write goes to a temporary folder; nothing of this machine stands in a picture. It takes
about two minutes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.pictures.browser import chromium, take_picture
from tests.pictures.story import record

HERE = Path(__file__).parent


def main() -> None:
    """Make every picture that can be made here and name its file."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE, help="where the pictures go")
    target = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as folder:
        for name, svg in record(Path(folder) / "terminal"):
            (target / f"{name}.svg").write_text(svg, encoding="utf-8")
            _say(f"{name}.svg")
        _say(picture_of_prefect(target / "prefect.png", Path(folder) / "browser"))


def picture_of_prefect(target: Path, folder: Path) -> str:
    """Make the picture where that is possible. Return its name, with the reason if it is left out."""
    if (browser := chromium()) is None:
        return f"{target.name} is left out: chromium is not installed"
    take_picture(browser, target, folder)
    return target.name


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
