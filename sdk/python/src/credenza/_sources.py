"""What a caller classifies, as chunks of items or rows.

Records are Items or mappings (rows), never both in one call. A frame is read slice by slice.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from credenza._cells import cell
from credenza._convert import item_to_proto, text
from credenza._types import Item
from credenza.v1 import item_pb2

log = logging.getLogger("credenza")

Row = Mapping[Any, Any]
Record = Item | Row
Chunk = item_pb2.ItemChunk | item_pb2.RowChunk

#: A chunk is full with so many records, or bytes of text. Larger ones are hardly faster.
CHUNK_RECORDS = 100
CHUNK_BYTES = 256 << 10
#: Rows of a frame that are turned into text at once.
SLICE_ROWS = 1000


class Frame(Protocol):
    """A DataFrame of pandas or polars."""

    @property
    def columns(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    def __len__(self) -> int: ...


Data = Frame | Iterable[Record]
AsyncData = Frame | Iterable[Record] | AsyncIterable[Record]
F = TypeVar("F", bound=Frame)


def frame_library(data: object) -> str:
    """Return "pandas" or "polars" if the data is a frame of it, else "". Imports neither."""
    for name in ("pandas", "polars"):
        library = sys.modules.get(name)
        if library is not None and isinstance(data, library.DataFrame):
            return name
    return ""


def repeatable(data: object) -> bool:
    """Report whether the data can be read again from its beginning."""
    return bool(frame_library(data)) or isinstance(data, Sequence)


def check(data: object) -> None:
    """Raise TypeError for data that cannot be records."""
    if isinstance(data, (str, bytes, Mapping, Item)) or not (
        frame_library(data) or isinstance(data, (Iterable, AsyncIterable))
    ):
        raise TypeError(f"{type(data).__name__} cannot be classified: pass Items, rows (mappings) or a DataFrame")


class Packer:
    """Packs the records of one call into chunks. The columns of rows are those of the first part."""

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = {text(field): text(name) for field, name in (overrides or {}).items()}
        self._columns: list[Any] | None = None  # None: no row has come
        self._known: frozenset[Any] = frozenset()
        self._items_only = False
        self._began = False  # whether a chunk of rows has been made

    def whole(self, data: Any) -> Iterator[Chunk]:
        """Yield the chunks of a frame or a sequence, all of whose columns are known beforehand."""
        if frame_library(data):
            self._columns = list(data.columns)
            yield from self._row_chunks(frame_rows(data))
            return
        yield from self.part(data)

    def part(self, records: Sequence[Record]) -> Iterator[Chunk]:
        """Yield the chunks of the next records of a call."""
        if not records:
            return
        if self._columns is None and not self._items_only:
            self._begin(records)
        if self._items_only:
            yield from self._item_chunks(records)
        else:
            yield from self._row_chunks(map(self._cells, records))

    def _begin(self, records: Sequence[Record]) -> None:
        self._items_only = isinstance(records[0], Item)
        if self._items_only:
            if self._overrides:
                raise ValueError("columns= is for rows and frames: Items have fields")
            return
        keys = itertools.chain.from_iterable(r for r in records if isinstance(r, Mapping))
        self._columns = list(dict.fromkeys(keys))
        self._known = frozenset(self._columns)

    def _item_chunks(self, records: Iterable[Record]) -> Iterator[Chunk]:
        chunk, size = item_pb2.ItemChunk(), 0
        for record in records:
            if not isinstance(record, Item):
                raise TypeError(f"{type(record).__name__} follows an Item: pass Items or rows, not both")
            item = item_to_proto(record)
            added = item.ByteSize()
            if chunk.items and (len(chunk.items) >= CHUNK_RECORDS or size + added > CHUNK_BYTES):
                yield chunk
                chunk, size = item_pb2.ItemChunk(), 0
            chunk.items.append(item)
            size += added
        if chunk.items:
            yield chunk

    def _row_chunks(self, rows: Iterable[Sequence[str]]) -> Iterator[Chunk]:
        chunk, size = self._row_chunk(), 0
        for cells in rows:
            added = sum(map(len, cells))
            if chunk.rows and (len(chunk.rows) >= CHUNK_RECORDS or size + added > CHUNK_BYTES):
                yield chunk
                chunk, size = self._row_chunk(), 0
            chunk.rows.add(cells=cells)
            size += added
        if chunk.rows:
            yield chunk

    def _row_chunk(self) -> item_pb2.RowChunk:
        """Return an empty chunk; the first one has the columns and the overrides."""
        if self._began:
            return item_pb2.RowChunk()
        self._began = True
        return item_pb2.RowChunk(columns=map(_column_name, self._columns or ()), overrides=self._overrides)

    def _cells(self, record: Record) -> list[str]:
        """Return the cells of a row. One with a value in a column that the first part did not have
        gets a cell too many, so that the server refuses this row alone."""
        if not isinstance(record, Mapping):
            raise TypeError(f"{type(record).__name__} is no row: pass mappings from column to value, or Items alone")
        cells = [cell(record.get(key)) for key in self._columns or ()]
        if record.keys() <= self._known:
            return cells
        surplus = {key: value for key in record if key not in self._known and (value := cell(record[key]))}
        if surplus:
            advice = "name all columns in the first row, or pass a list"
            log.warning("a row fails for its column %r, which the first rows lack: %s", next(iter(surplus)), advice)
        return cells + list(surplus.values())


def frame_rows(frame: Any) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a frame as text."""
    pandas = frame_library(frame) == "pandas"
    for start in range(0, len(frame), SLICE_ROWS):
        if pandas:
            part = frame.iloc[start : start + SLICE_ROWS]
            columns = [part.iloc[:, i] for i in range(part.shape[1])]
        else:
            columns = frame.slice(start, SLICE_ROWS).get_columns()
        yield from zip(*[map(cell, _values(column)) for column in columns], strict=True)


def _values(column: Any) -> Iterable[object]:
    """Return the values of a column. Short floats stay what they are, since they have fewer digits."""
    short = str(column.dtype).lower() == "float32"
    return iter(column.to_numpy()) if short else cast("list[object]", column.to_list())


def _column_name(key: object) -> str:
    """Return a name of a column as text: that of several levels joined by spaces."""
    return " ".join(filter(None, map(cell, key))) if isinstance(key, tuple) else cell(key)
