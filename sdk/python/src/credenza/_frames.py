"""A frame and its results: the request id of its job, and the frame with the results' columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Generic

from credenza._sources import F, Frame, frame_library, frame_rows
from credenza._types import Options, Result

#: What a row gets whose job ended before its turn.
_ENDED = "CANCELLED: the job ended before this row"

_COLUMNS = (
    "category",
    "confidence",
    "needs_review",
    "primary_style",
    "secondary_style",
    "style_tags",
    "placement_tags",
    "reasoning",
    "confidence_source",
    "evidence",
    "error",
    "image_error",
)


def request_id(frame: Frame, key: str, columns: Mapping[str, str] | None, options: Options) -> str:
    """Return an id that is the same for the same rows, columns, options and key."""
    digest = hashlib.sha256(json.dumps([key, [str(c) for c in frame.columns], columns or {}, asdict(options)]).encode())
    for row in frame_rows(frame):
        digest.update(json.dumps(row).encode())
    return f"frame-{digest.hexdigest()}"


class FrameResults(Generic[F]):
    """Collects the results of a frame's rows, one for each."""

    def __init__(self, frame: F, prefix: str) -> None:
        self._library = frame_library(frame)
        if not self._library:
            raise TypeError(f"{type(frame).__name__} is no DataFrame of pandas or polars: use classify for other data")
        taken = [prefix + name for name in _COLUMNS if prefix + name in frame.columns]
        if taken:
            raise ValueError(f"the frame has the column {taken[0]!r} already: pass prefix='credenza_' or another one")
        self._frame: Any = frame
        self._prefix = prefix
        self._values: dict[str, list[Any]] = {name: [None] * len(frame) for name in _COLUMNS}
        self._values["error"] = [_ENDED] * len(frame)

    def add(self, result: Result) -> None:
        """Put a result into its row."""
        place, c = result.index, result.classification
        fields = {} if c is None else vars(c)
        for name in _COLUMNS:
            self._values[name][place] = fields.get(name)
        for name in ("style_tags", "placement_tags"):
            self._values[name][place] = list(fields.get(name, ()))
        self._values["error"][place] = str(result.error) if result.error else None
        self._values["image_error"][place] = str(result.image_error) if result.image_error else None

    def frame(self) -> F:
        """Return a copy of the frame, with its index, and the results' columns."""
        added = {self._prefix + name: values for name, values in self._values.items()}
        return self._pandas(added) if self._library == "pandas" else self._polars(added)

    def _pandas(self, added: dict[str, list[Any]]) -> F:
        import pandas as pd

        types = {"confidence": "float64", "needs_review": "boolean"}
        series = {
            name: pd.Series(values, index=self._frame.index, dtype=types.get(name.removeprefix(self._prefix), "object"))
            for name, values in added.items()
        }
        frame: F = self._frame.assign(**series)
        return frame

    def _polars(self, added: dict[str, list[Any]]) -> F:
        import polars as pl

        types: dict[str, Any] = {
            "confidence": pl.Float64,
            "needs_review": pl.Boolean,
            "style_tags": pl.List(pl.String),
            "placement_tags": pl.List(pl.String),
        }
        series = [
            pl.Series(name, values, dtype=types.get(name.removeprefix(self._prefix), pl.String))
            for name, values in added.items()
        ]
        frame: F = self._frame.with_columns(series)
        return frame


def progress_bar(show: bool, total: int) -> Any:
    """Return tqdm's bar, which stays invisible unless it is to be shown."""
    if not show:
        return _NoBar()
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install 'credenza[progress]'") from error
    return tqdm(total=total, unit="row")


class _NoBar:
    def update(self, rows: int) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""
