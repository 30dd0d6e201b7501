"""The value of a cell as text, as the server's mapping of columns reads it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Set
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from credenza._convert import text


def cell(value: object) -> str:
    """Return a value as text.

    None, NaN, NaT, NA and infinity are "", truth is "true" or "false", whole numbers have no
    fraction and others their shortest form, moments are as ISO 8601 has them, lists and
    mappings compact JSON. Bytes are no text: TypeError.
    """
    if isinstance(value, str):
        return text(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _number(float(value))
    return _rare(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value).replace("e-0", "e-")  # 1e-7, as other languages have it


def _rare(value: object) -> str:
    if _is_missing(value):
        return ""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError("a row has bytes, which are no text: decode them, or send a picture as Item.image_data")
    if isinstance(value, Enum):
        return cell(value.value)
    if _is_moment(value):
        return str(value)
    if hasattr(value, "to_list") or hasattr(value, "tolist"):  # of numpy, pandas or polars
        return cell(_unwrapped(value))
    if isinstance(value, (Mapping, Set, list, tuple)):
        return text(json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")))
    return text(str(value))


def _is_missing(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 Decimal("NaN"), numpy's NaN and NaT
    except (TypeError, ValueError):  # an array has no single truth
        return False


def _is_moment(value: object) -> bool:
    """Report whether the value is numpy's datetime64 or timedelta64, whose plain form may be a
    number of nanoseconds."""
    return type(value).__name__ in ("datetime64", "timedelta64")


def _plain(value: Any) -> Any:
    """Return the value with nothing in it that JSON does not know."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else cell(key): _plain(v) for key, v in value.items()}
    if isinstance(value, Set):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    if hasattr(value, "tolist") and not _is_moment(value):
        return _plain(_unwrapped(value))
    return cell(value) or None


def _unwrapped(value: Any) -> Any:
    """Return the plain form of a number or an array of numpy, pandas or polars."""
    if type(value).__name__ in ("float16", "float32"):
        return float(str(value))  # 0.1, and not what a float64 needs for the same number
    plain = value.to_list() if hasattr(value, "to_list") else value.tolist()
    return str(value) if type(plain) is type(value) else plain
