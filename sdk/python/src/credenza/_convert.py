"""Conversion between the messages of the contract and the plain types."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from credenza import _types as t
from credenza._deferred import Converters, source
from credenza.v1 import classification_service_pb2 as services
from credenza.v1 import item_pb2, job_service_pb2, options_pb2, result_pb2

T = TypeVar("T")

#: Results in a batch of a call whose caller did not say. The server's own number is for
#: callers that show batches; each message costs some 100 us here.
BATCH_SIZE = 100

_MODES = {"auto": options_pb2.MODE_AUTO, "text": options_pb2.MODE_TEXT, "image": options_pb2.MODE_IMAGE}
_CACHE = {
    "use": options_pb2.CACHE_POLICY_USE,
    "refresh": options_pb2.CACHE_POLICY_REFRESH,
    "bypass": options_pb2.CACHE_POLICY_BYPASS,
}
_FILTERS = {
    "all": job_service_pb2.RESULT_FILTER_ALL,
    "failed": job_service_pb2.RESULT_FILTER_FAILED,
    "needs_review": job_service_pb2.RESULT_FILTER_NEEDS_REVIEW,
}


def _names(values: Iterable[tuple[str, int]], prefix: str) -> dict[int, str]:
    return {number: name.removeprefix(prefix) for name, number in values}


_REASONS = _names(result_pb2.ErrorReason.items(), "ERROR_REASON_")
_SOURCES = _names(result_pb2.ConfidenceSource.items(), "CONFIDENCE_SOURCE_")
_EVIDENCE = _names(result_pb2.Evidence.items(), "EVIDENCE_")
_STATES = _names(job_service_pb2.JobState.items(), "JOB_STATE_")


def _choose(choices: Mapping[str, T], value: str, name: str) -> T:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: use one of {', '.join(map(repr, choices))}")
    return choices[value]


def mode_to_proto(mode: str) -> options_pb2.Mode.ValueType:
    return _choose(_MODES, mode, "mode")


def filter_to_proto(name: str) -> job_service_pb2.ResultFilter.ValueType:
    return _choose(_FILTERS, name, "filter")


def state_to_proto(state: str | None) -> job_service_pb2.JobState.ValueType:
    if state is None:
        return job_service_pb2.JOB_STATE_UNSPECIFIED
    return _choose(
        {name: cast("job_service_pb2.JobState.ValueType", n) for n, name in _STATES.items() if n}, state, "state"
    )


def options_to_proto(o: t.Options) -> options_pb2.ClassifyOptions:
    p = options_pb2.ClassifyOptions(
        batch_size=o.batch_size or (0 if o.in_order else BATCH_SIZE),
        delivery=options_pb2.DELIVERY_IN_ORDER if o.in_order else options_pb2.DELIVERY_AS_COMPLETED,
        priority=options_pb2.PRIORITY_BULK if o.bulk else options_pb2.PRIORITY_INTERACTIVE,
        cache_policy=_choose(_CACHE, o.cache, "cache"),
        image_fallback=options_pb2.IMAGE_FALLBACK_ERROR if o.fail_without_picture else options_pb2.IMAGE_FALLBACK_TEXT,
        model=o.model,
    )
    if o.item_timeout:
        p.item_timeout.FromNanoseconds(round(o.item_timeout * 1e9))
    return p


def text(value: str) -> str:
    """Return the text with what UTF-8 cannot encode (lone surrogates) replaced."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def item_to_proto(i: t.Item) -> item_pb2.Item:
    p = item_pb2.Item()
    if i.id:
        p.id = text(i.id)
    if i.product_name:
        p.product_name = text(i.product_name)
    if i.description:
        p.description = text(i.description)
    if i.type:
        p.type = text(i.type)
    if i.category:
        p.category = text(i.category)
    if i.price_range:
        p.price_range = text(i.price_range)
    if i.product_url:
        p.product_url = text(i.product_url)
    if i.image_url:
        p.image_url = text(i.image_url)
    if i.styles:
        p.styles.extend(map(text, i.styles))
    if i.tags:
        p.tags.extend(map(text, i.tags))
    if i.image_data:
        p.image_data = i.image_data
    for key, value in i.attributes.items():
        p.attributes[text(key)] = text(value)
    return p


def _new(cls: type[T], fields: dict[str, Any]) -> T:
    """Return an instance of a frozen dataclass with the fields, which must be all of them.

    The __init__ of a frozen class sets each field by a call of its own: 10 us of the 15 us that a
    result would take.
    """
    instance = object.__new__(cls)
    object.__setattr__(instance, "__dict__", fields)
    return instance


def _seconds(p: Duration) -> float:
    return p.seconds + p.nanos / 1e9


def _moment(p: Timestamp) -> datetime:
    return datetime.fromtimestamp(p.seconds + p.nanos / 1e9, timezone.utc)


def result_from_proto(p: result_pb2.ItemResult, row: tuple[tuple[str, str], ...] | None = None) -> t.Result:
    result = _deferred_result(p, row)
    result.settle()
    return result


def results_from_proto(messages: Iterable[result_pb2.ItemResult]) -> Iterator[t.Result]:
    """Yield the results, with classification and trace converted when they are read.

    Most programs read little of a result, and the conversion takes longer than all else. Those
    that the caller has kept are converted at the end, since each holds the memory of all.
    """
    results: list[weakref.ref[t.Result]] = []
    try:
        for message in messages:
            result = _deferred_result(message)
            results.append(weakref.ref(result))
            yield result
    finally:
        for reference in results:
            if (kept := reference()) is not None:
                kept.settle()


def _deferred_result(p: result_pb2.ItemResult, row: tuple[tuple[str, str], ...] | None = None) -> t.Result:
    failed = p.HasField("error")
    return _new(
        t.Result,
        {
            "index": p.index,
            "item_id": p.item_id,
            "product_name": p.product_name,
            "error": _item_error(p.error) if failed else None,
            "image_error": _item_error(p.image_error) if p.HasField("image_error") else None,
            "row": row,
            "category": None if failed else p.classification.category,
            **source(_FAILED if failed else _CLASSIFIED, p),
        },
    )


def _classification(p: result_pb2.Classification) -> t.Classification:
    return _new(
        t.Classification,
        {
            "category": p.category,
            "confidence": p.confidence,
            "confidence_source": _SOURCES.get(p.confidence_source, ""),
            "primary_style": p.primary_style,
            "secondary_style": p.secondary_style or None,
            "style_tags": tuple(p.style_tags[:]),
            "placement_tags": tuple(p.placement_tags[:]),
            "reasoning": p.reasoning,
            "evidence": _EVIDENCE.get(p.evidence, ""),
            "needs_review": p.needs_review,
            "alternatives": _alternatives(p.alternatives) if p.alternatives else (),
        },
    )


def _alternatives(p: Iterable[result_pb2.Alternative]) -> tuple[t.Alternative, ...]:
    return tuple([_new(t.Alternative, {"category": a.category, "probability": a.probability}) for a in p])


def _item_error(p: result_pb2.ItemError) -> t.ItemError:
    return _new(
        t.ItemError,
        {
            "reason": _REASONS.get(p.reason, "INTERNAL"),
            "message": p.message,
            "retryable": p.retryable,
            "retry_after": _seconds(p.retry_after) if p.HasField("retry_after") else None,
            "summary": p.summary,
        },
    )


def _trace(p: result_pb2.Trace) -> t.Trace:
    return _new(
        t.Trace,
        {
            "attempts": p.attempts,
            "cached": p.cached,
            "deduplicated": p.deduplicated,
            "backend": p.backend,
            "model": p.model,
            "queue_time": _seconds(p.queue_time),
            "latency": _seconds(p.latency),
            "prompt_tokens": p.prompt_tokens,
            "cached_prompt_tokens": p.cached_prompt_tokens,
            "cache_write_tokens": p.cache_write_tokens,
            "completion_tokens": p.completion_tokens,
            "reasoning_tokens": p.reasoning_tokens,
            "taxonomy_version": p.taxonomy_version,
            "prompt_version": p.prompt_version,
            "description_cut": p.description_cut,
        },
    )


_CLASSIFIED: Converters = {
    "classification": lambda p: _classification(p.classification),
    "trace": lambda p: _trace(p.trace),
}
_FAILED: Converters = {"classification": lambda _: None, "trace": lambda p: _trace(p.trace)}


def progress_from_proto(p: result_pb2.Progress) -> t.Progress:
    return t.Progress(p.done, p.failed, p.total)


def batch_from_proto(p: result_pb2.Batch) -> t.Batch:
    return t.Batch(
        batch_id=p.batch_id,
        processing_type=p.processing_type,
        results=tuple([result_from_proto(r) for r in p.results]),
        time=_moment(p.timestamp),
        progress=progress_from_proto(p.progress),
    )


def summary_from_proto(p: result_pb2.Summary) -> t.Summary:
    return t.Summary(
        total=p.total,
        succeeded=p.succeeded,
        failed=p.failed,
        failures_by_reason=dict(p.failures_by_reason),
        cached=p.cached,
        deduplicated=p.deduplicated,
        upstream_calls=p.upstream_calls,
        prompt_tokens=p.prompt_tokens,
        cached_prompt_tokens=p.cached_prompt_tokens,
        cache_write_tokens=p.cache_write_tokens,
        completion_tokens=p.completion_tokens,
        reasoning_tokens=p.reasoning_tokens,
        elapsed=_seconds(p.elapsed),
        peak_concurrency=p.peak_concurrency,
    )


def job_from_proto(p: job_service_pb2.Job) -> t.Job:
    return t.Job(
        job_id=p.job_id,
        name=p.display_name,
        state=cast("t.JobState", _STATES.get(p.state, str(p.state))),
        progress=progress_from_proto(p.progress),
        failures_by_reason=dict(p.failures_by_reason),
        created=_moment(p.create_time),
        started=_moment(p.start_time) if p.HasField("start_time") else None,
        ended=_moment(p.end_time) if p.HasField("end_time") else None,
        message=p.message,
        retry_of=p.retry_of,
        prompt_tokens=p.prompt_tokens,
        completion_tokens=p.completion_tokens,
    )


def page_from_proto(p: job_service_pb2.ListJobResultsResponse) -> list[t.Result]:
    """Return the results of a page, with their rows if the page has any."""
    if not p.rows:
        return [result_from_proto(r) for r in p.results]
    return [
        result_from_proto(r, tuple(zip(p.columns, row.cells, strict=False)) if row.cells else None)
        for r, row in zip(p.results, p.rows, strict=True)
    ]


def taxonomy_from_proto(p: services.GetTaxonomyResponse) -> t.Taxonomy:
    return t.Taxonomy(
        version=p.version,
        categories=tuple(t.Category(c.name, c.description, tuple(c.placements)) for c in p.categories),
        styles=tuple(
            t.Style(s.name, s.description, tuple(s.keywords), tuple(s.palette), tuple(s.tags)) for s in p.styles
        ),
    )
