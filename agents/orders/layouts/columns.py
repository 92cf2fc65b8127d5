"""The columns of a table that a layout reads, found by the header."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from agents.orders.layouts.schema import Layout, Source
from agents.services.files.foreign import Shape
from agents.services.files.outcomes import SourceError
from agents.workflow.fields import BrokenRule

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Columns:
    """A layout (`name` for messages) and the header of the table that it is applied to."""

    layout: Layout
    name: str
    header: Sequence[str]

    def shape(self) -> Shape:
        """Which columns are read, and of what. Raises SourceError if one is missing."""
        layout, money = self.layout, self.layout.money
        whole = self._all(
            [*layout.order.values(), *layout.only, *([money.total] if money.total else [])]
        )
        row = self._all(money.extras) if money.each == "row" else set()
        whole |= self._all(money.extras) - row
        if layout.lines.cells is None:
            row |= self._all(layout.lines.sources)
        else:
            whole |= set(self.cells_of_lines())
        [key] = self.names(layout.table.key)
        return Shape(key, frozenset((key, *whole)) - row, frozenset(row))

    def names(self, source: Source) -> tuple[str, ...]:
        """The columns of the table that the source means; none if it is a constant or may be missing.

        Raises SourceError.
        """
        for names in source.alternatives:
            if set(names) <= set(self.header):
                return names
        if source.optional or source.constant is not None:
            return ()
        raise self._missing(" or ".join("+".join(names) for names in source.alternatives))

    def cells_of_lines(self) -> list[str]:
        """The columns in whose cells lines are written. Raises SourceError."""
        patterns = self.layout.lines.cells or []
        found = [name for name in self.header if any(fnmatchcase(name, p) for p in patterns)]
        if not found:
            raise self._missing(" or ".join(patterns))
        return found

    def text(self, source: Source, cells: Cells, names: Sequence[str] | None = None) -> str | None:
        """The text of a source; None if it is absent. Raises BrokenRule for a cell without a meaning."""
        if source.constant is not None:
            return source.constant
        names = self.names(source) if names is None else names
        found = " ".join(cells[name] for name in names if cells.get(name))
        found = found.removeprefix(source.strip)
        if source.words is None:
            return found or None
        if found not in source.words:
            raise BrokenRule("words", ", ".join(source.words), "is none of the words of the layout")
        return source.words[found]

    def rows(self, cells: Cells, rows: Sequence[Cells]) -> list[Cells]:
        """The lines of an order, each as its cells. Raises BrokenRule."""
        lines = self.layout.lines
        if lines.cells is None:
            return list(rows)
        written = [cells[name] for name in self.cells_of_lines() if cells.get(name)]
        split = [line for cell in written for line in cell.split(lines.between) if line.strip()]
        return [_parts(line, lines.parts, lines.pair) for line in split]

    def _all(self, sources: Iterable[Source]) -> set[str]:
        return {name for one in sources for name in self.names(one)}

    def _missing(self, wanted: str) -> SourceError:
        return SourceError(
            "header",
            f"layout {self.name} needs the column {wanted}, which the header does not have",
        )


def _parts(line: str, between: str, pair: str) -> dict[str, str]:
    """The parts of a line such as name:Lamp|sku:A1 by their names."""
    found: dict[str, str] = {}
    for part in line.strip().split(between):
        name, mark, value = part.partition(pair)
        if not mark or name.strip() in found:
            form = f"name{pair}value{between}name{pair}value"
            raise BrokenRule("line-items", form, "has a line in another form")
        found[name.strip()] = value.strip()
    return found
