"""Limits of what reading a file may cost."""

from dataclasses import dataclass, fields

_DEEPEST = 200
"""Values are walked recursively; a deeper limit would end in a RecursionError."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings for one file; sizes in bytes, `seconds` of our own reading time.

    `file_bytes` counts decompressed bytes. `ratio` is the most that gzip or zip may expand, judged
    once `ratio_floor` bytes came out. `memory_bytes` is what decoding Parquet may take beyond an
    idle interpreter. `raw_bytes` of a bad record are kept for the rejects file.
    """

    record_bytes: int = 1 << 20
    field_bytes: int = 64 << 10
    columns: int = 1_000
    depth: int = 32
    integer_digits: int = 19
    records: int = 10_000_000
    file_bytes: int = 2 << 30
    ratio: int = 200
    ratio_floor: int = 10 << 20
    seconds: float = 600.0
    memory_bytes: int = 1 << 30
    raw_bytes: int = 64 << 10

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"{field.name} must be positive")
        if self.depth > _DEEPEST:
            raise ValueError(f"depth must be at most {_DEEPEST}")


DEFAULTS = Limits()
