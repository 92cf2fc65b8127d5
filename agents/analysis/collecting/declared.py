"""How a contract says that its source is collected."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

FieldPath = Annotated[str, Field(pattern=r"^([^.\s]+(\.[^.\s]+)*)?$", max_length=200)]


class Collecting(BaseModel, frozen=True, extra="forbid"):
    """How documents become pages of rows; nothing here is a secret.

    `form` is the format of what neither its name, nor its host, nor its content names. In JSON documents
    `items` is the path of the rows, such as data.items, `next` that of the URL of the next page, and `total`
    that of the number of rows on all pages. With `next` as after=data.last, the next page is the same URL with
    the value at data.last as its parameter `after`. `members` is a glob for the files of a zip archive that are
    read, `sheet` the sheet of a workbook, `query` the SQL that is asked of a database. `missing` says what
    is published while a partition cannot be had: nothing new ("refuse"), or the others beside its last
    published version ("keep").
    """

    form: Literal["", "csv", "tsv", "json", "jsonl", "parquet", "xlsx"] = ""
    items: FieldPath = ""
    next: FieldPath = ""
    total: FieldPath = ""
    members: Annotated[str, Field(max_length=200)] = ""
    sheet: Annotated[str, Field(max_length=100)] = ""
    query: Annotated[str, Field(max_length=20_000)] = ""
    missing: Literal["refuse", "keep"] = "refuse"

    @model_validator(mode="after")
    def _check_paths(self) -> "Collecting":
        if (self.next or self.total) and not self.items:
            raise ValueError("next and total need items, the path of the rows in the same document")
        return self
