"""Documents that hold several tables, or one in a format of its own: each becomes documents that are read as rows."""

from collections.abc import Iterator
from pathlib import Path

from agents.analysis.collecting.declared import Collecting
from agents.analysis.collecting.documents import PIECE, Document, keep
from agents.analysis.collecting.forms import form_of
from agents.analysis.collecting.workbooks import sheet_rows
from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import ByteStream
from agents.services.files.zip_member import zip_members


def shaped(document: Document, store: Path, collect: Collecting) -> Iterator[Document]:
    """The documents with the rows of this one, in the store. Raises SourceError."""
    path = store / document.sha256
    if document.form.endswith(".zip") and collect.members:
        with path.open("rb") as file:
            for name, member in zip_members(file, collect.members, DEFAULTS):
                if not (form := form_of(name)) or form.endswith((".zip", ".xlsx")):
                    raise SourceError(
                        "wrong-format", f"the zip's member {name[:100]!r} is no table"
                    )
                yield keep(store, _pieces(member), form)
    elif document.form == ".xlsx":
        yield keep(store, sheet_rows(path, collect.sheet), ".jsonl")
    else:
        yield document


def _pieces(stream: ByteStream) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece
