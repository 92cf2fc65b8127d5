"""Keys of a table whose rows do not stand together, found before the first record is handed on."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.services.files.outcomes import Fault


@dataclass(slots=True)
class Apart:
    """Keys that are in several places of a table with different rows.

    The same rows again are the same record sent twice, which its receiver recognises. Of each place
    only two hashes and the line are kept.
    """

    _first: dict[int, tuple[int, int]] = field(default_factory=dict)
    _places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def see(self, keys: Iterable[object], digest: int, line: int) -> None:
        """Rows with this digest begin at the line; each of `keys` may identify their record."""
        for key in map(hash, keys):
            seen, first = self._first.setdefault(key, (digest, line))
            if seen != digest:
                self._places.setdefault(key, (first, line))

    def fault(self, key: object) -> Fault | None:
        """Why the record is refused, if its rows do not stand together."""
        if (places := self._places.get(hash(key))) is None:
            return None
        first, other = places
        text = f"its rows stand at lines {first} and {other}: put all rows of one record together"
        return Fault("rows-apart", "", text)
