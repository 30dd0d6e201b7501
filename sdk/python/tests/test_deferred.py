"""Results are converted when they are read, and look as if they had been all along."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Iterator

import pytest

from credenza import Result
from credenza._convert import result_from_proto, results_from_proto
from credenza.v1 import result_pb2


def message(index: int, failed: bool = False) -> result_pb2.ItemResult:
    p = result_pb2.ItemResult(index=index, item_id=f"id-{index}", trace=result_pb2.Trace(model="m", attempts=2))
    if failed:
        p.error.reason = result_pb2.ERROR_REASON_REFUSED
    else:
        p.classification.category, p.classification.confidence = "SOFA", 0.75
    return p


def unread(failed: bool = False) -> Iterator[Result]:
    return results_from_proto([message(0, failed), message(1, failed)])


@pytest.mark.parametrize("failed", [False, True])
def test_is_equal_to_one_converted_at_once(failed: bool) -> None:
    at_once = result_from_proto(message(0, failed))
    assert dataclasses.asdict(next(unread(failed))) == dataclasses.asdict(at_once)
    assert next(unread(failed)) == at_once
    assert repr(next(unread(failed))) == repr(at_once)
    assert hash(next(unread(failed))) == hash(at_once)
    assert copy.deepcopy(next(unread(failed))) == at_once
    assert pickle.loads(pickle.dumps(next(unread(failed)))) == at_once
    assert dataclasses.replace(next(unread(failed)), index=7).trace == at_once.trace
    assert (at_once.ok, at_once.category) == ((False, None) if failed else (True, "SOFA"))
    assert (next(unread(failed)).ok, next(unread(failed)).category) == (at_once.ok, at_once.category)


def test_lets_go_of_the_message_when_the_batch_ends() -> None:
    kept = list(unread())
    assert all("_source" not in vars(r) and r.trace.model == "m" for r in kept)
    results = unread()
    first = next(results)
    assert "_source" in vars(first)
    results.close()  # type: ignore[attr-defined]
    assert "_source" not in vars(first)
    assert first.classification is not None
    assert first.classification.confidence == 0.75


def test_has_no_other_attribute() -> None:
    with pytest.raises(AttributeError, match="'Result' object has no attribute 'colour'"):
        _ = next(unread()).colour  # type: ignore[attr-defined]
