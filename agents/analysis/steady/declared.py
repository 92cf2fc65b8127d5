"""Which columns of a source are alike over time, in each of its groups."""

from datetime import datetime
from typing import Literal

from agents.analysis.column import Frozen, Names, Words


class Steady(Frozen):
    """The `columns` stay as they are over time, in each group of rows with the same values of `by`.

    Looked for are another level, another unit, other shares of values, other shares of missing ones, and
    times that are hours off. A `breach` refuses the publication, alerts, or is noted. Only rows from `since`
    on are compared: who accepts a change gives its time.
    """

    columns: Names
    by: Words = ()
    breach: Literal["refuse", "alert", "note"] = "alert"
    since: datetime | None = None
