"""Files that other processes read at any time."""

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel


def write_whole(path: Path, content: BaseModel | str) -> None:
    """Write a file so that readers find the old or the new content, also after a kill."""
    text = content if isinstance(content, str) else content.model_dump_json(indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
