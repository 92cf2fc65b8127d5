"""The plain bytes of a file, for readers of whole tables; the same bounds as for records."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agents.services.files.clock import Clock
from agents.services.files.formats import Format, Packing, claimed, require
from agents.services.files.gzip_stream import GzipStream
from agents.services.files.limits import DEFAULTS, Limits
from agents.services.files.opening import opened
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import ByteStream, Stream
from agents.services.files.zip_member import zip_member


@contextmanager
def unpacked(
    path: Path, name: str, limits: Limits = DEFAULTS, *, is_known: bool = False
) -> Iterator[tuple[Format, Stream]]:
    """Format and plain bytes of the file at `path`, which its source calls `name`.

    The first bytes must look like the format, unless the caller knows that they do not: in text of
    another encoding (`is_known`).

    Raises SourceError, also while the bytes are read.
    """
    clock = Clock(limits.seconds)
    form, packing = claimed(name)
    with ExitStack() as stack:
        file = stack.enter_context(opened(path))
        source: ByteStream = Stream(file, limits.file_bytes, clock)
        if packing is Packing.GZIP:
            source = GzipStream(Stream(file, limits.file_bytes, clock), limits)
        elif packing is Packing.ZIP:
            member, source = stack.enter_context(zip_member(file, limits))
            inner, nested = claimed(member)
            if nested or inner is None or form not in (None, inner):
                raise SourceError("wrong-format", f"the zip named {name!r} holds {member[:100]!r}")
            form = inner
        if form is None:
            raise SourceError("unknown-format", "the format is not named")
        stream = Stream(source, limits.file_bytes, clock)
        if (head := stream.peek()) and not is_known:
            require(form, head)
        yield form, stream
