"""Values become cells: the same in all languages, and what data frames add."""

from __future__ import annotations

import decimal
import enum
import json
import uuid
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import REPOSITORY

from credenza import Item
from credenza._cells import cell
from credenza._sources import Packer, frame_rows
from credenza.v1.item_pb2 import RowChunk

FIXTURE = json.loads((REPOSITORY / "proto" / "testdata" / "rows.json").read_text(encoding="utf-8"))["cases"]


def decoded(value: Any) -> Any:
    """Return a value of the fixture, which writes what JSON does not have as {"$kind": ...}."""
    if isinstance(value, list):
        return [decoded(v) for v in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("$nan", _)]:
            return float("nan")
        case [("$infinity", _)]:
            return float("inf")
        case [("$bigint", digits)]:
            return int(digits)
        case [("$datetime", moment)]:
            return datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return {key: decoded(v) for key, v in value.items()}


def table(packer: Packer, records: list[Any]) -> tuple[list[str], list[list[str]]]:
    chunks = [chunk for chunk in packer.whole(records) if isinstance(chunk, RowChunk)]
    return list(chunks[0].columns), [list(row.cells) for chunk in chunks for row in chunk.rows]


@pytest.mark.parametrize("case", [c for c in FIXTURE if c.get("records")], ids=lambda c: c["name"])
def test_records_become_the_rows_that_all_languages_share(case: dict[str, Any]) -> None:
    columns, rows = table(Packer(case.get("overrides")), decoded(case["records"]))
    assert columns == case["columns"]
    assert rows == case["rows"]


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NaT, ""),
        (pd.NA, ""),
        (np.float64("nan"), ""),
        (np.datetime64("NaT"), ""),
        (decimal.Decimal("NaN"), ""),
        (True, "true"),
        (np.False_, "false"),
        (np.int64(7), "7"),
        (3.0, "3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (2**63, "9223372036854775808"),
        (decimal.Decimal("10.50"), "10.50"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 9, 30), "2026-03-01T09:30:00"),
        (datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc), "2026-03-01T09:30:00Z"),
        (datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T09:30:00+01:00"),
        (pd.Timestamp("2026-03-01"), "2026-03-01T00:00:00"),
        (np.datetime64("2026-03-01T09:30:00", "ns"), "2026-03-01T09:30:00.000000000"),
        (["a", 1, 2.0, None, float("nan")], '["a",1,2,null,null]'),
        ({"w": np.int32(80), "tags": ("a", "ä")}, '{"w":80,"tags":["a","ä"]}'),
        ({"b", "a"}, '["a","b"]'),
        (np.array([1, 2]), "[1,2]"),
        (1e-7, "1e-7"),
        (1.5e300, "1.5e+300"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
    ],
    ids=repr,
)
def test_values_become_text(value: object, want: str) -> None:
    assert cell(value) == want


BYTES = [b"caf\xc3\xa9", bytearray(b"x"), memoryview(b"x"), [b"x"], np.bytes_(b"x")]


@pytest.mark.parametrize("value", BYTES, ids=repr)
def test_bytes_are_no_text(value: object) -> None:
    with pytest.raises(TypeError, match="bytes"):
        cell(value)


def test_frames_become_rows_whatever_their_columns() -> None:
    frame = pd.DataFrame(
        [["Oak bed", 599.0, pd.NA, True], ["Lamp", float("nan"), "black", False]],
        columns=["name", "price", "name", 7],
        index=[5, 5],
    )
    assert list(frame_rows(frame)) == [("Oak bed", "599", "", "true"), ("Lamp", "", "black", "false")]
    (chunk,) = Packer().whole(frame)
    assert list(chunk.columns) == ["name", "price", "name", "7"]  # type: ignore[union-attr]


def test_a_frame_with_levels_of_columns_has_joined_names() -> None:
    frame = pd.DataFrame([["Bed", 7]], columns=pd.MultiIndex.from_tuples([("product", "name"), ("price", "")]))
    (chunk,) = Packer().whole(frame)
    assert list(chunk.columns) == ["product name", "price"]  # type: ignore[union-attr]


def test_frames_of_polars_become_the_same_rows() -> None:
    frame = pl.DataFrame(
        {"name": ["Bed", None], "price": [599.0, None], "tags": [["a"], []], "seen": [date(2026, 3, 1)] * 2}
    )
    assert list(frame_rows(frame)) == [("Bed", "599", '["a"]', "2026-03-01"), ("", "", "[]", "2026-03-01")]
    short = pl.DataFrame({"width": [0.1, None]}, schema={"width": pl.Float32})
    assert list(frame_rows(short)) == [("0.1",), ("",)]
    assert list(frame_rows(pd.DataFrame({"width": pd.Series([0.1, None], dtype="float32")}))) == [("0.1",), ("",)]


def test_large_data_are_cut_into_chunks_and_columns_come_once() -> None:
    rows = [{"name": f"Bed {i}", "text": "x" * 10_000} for i in range(250)]
    chunks = list(Packer({"product_name": "name"}).whole(rows))
    assert [len(c.rows) for c in chunks] == [26] * 9 + [16]  # type: ignore[union-attr]
    assert [list(c.columns) for c in chunks[:2]] == [["name", "text"], []]  # type: ignore[union-attr]
    assert dict(chunks[0].overrides) == {"product_name": "name"}  # type: ignore[union-attr]
    small = list(Packer().whole([Item(f"Bed {i}") for i in range(250)]))
    assert [len(c.items) for c in small] == [100, 100, 50]  # type: ignore[union-attr]


def test_items_and_rows_do_not_mix() -> None:
    with pytest.raises(TypeError, match="Items or rows, not both"):
        list(Packer().whole([Item("Bed"), {"name": "Bed"}]))
    with pytest.raises(TypeError, match="no row"):
        list(Packer().whole([{"name": "Bed"}, Item("Bed")]))
    with pytest.raises(ValueError, match="columns="):
        list(Packer({"type": ""}).whole([Item("Bed")]))
