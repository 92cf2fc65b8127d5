"""What a terminal shows as an SVG picture: dark, as wide as its columns, and complete in itself."""

import io
import re
from collections.abc import Sequence
from itertools import groupby

from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.pictures.terminal import COLUMNS, Line

# Rich's own frame asks a host on the internet for its font, which a picture in a README may not.
FRAME = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font: 21px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre;
}}
.{unique_id}-title {{ font: bold 18px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
HEXADECIMAL = re.compile("[0-9a-f]{6}")


def picture(lines: Sequence[Line], title: str) -> str:
    """An SVG of the lines."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor")
    for line in lines:
        console.print(_text(line), no_wrap=True, crop=False)
    return console.export_svg(title=title, code_format=FRAME, unique_id="t")


def _text(line: Line) -> Text:
    text = Text()
    for style, characters in groupby(line, _style):
        text.append("".join(character.data for character in characters), style)
    text.rstrip()
    return text


def _style(character: Char) -> Style:
    return Style(
        color=_colour(character.fg),
        bgcolor=_colour(character.bg),
        bold=character.bold,
        italic=character.italics,
        underline=character.underscore,
        reverse=character.reverse,
    )


def _colour(name: str) -> str | None:
    if name == "default":
        return None
    if HEXADECIMAL.fullmatch(name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")
