"""The nouns: items, options, results and jobs. Times are in seconds, moments in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from credenza._deferred import Deferred

Mode = Literal["auto", "text", "image"]
CachePolicy = Literal["use", "refresh", "bypass"]
JobState = Literal["QUEUED", "RUNNING", "PAUSED", "SUCCEEDED", "CANCELLED", "FAILED"]
ResultFilter = Literal["all", "failed", "needs_review"]


#: The default of Item.attributes, in whose place each item gets its own.
_NO_ATTRIBUTES: Mapping[str, str] = {}


@dataclass(frozen=True, init=False)
class Item:
    """One product to classify. Every field is optional, but an item needs a text or a picture."""

    product_name: str = ""
    description: str = ""
    #: The caller's own key. It comes back as Result.item_id and does not influence the result.
    id: str = ""
    #: The shop's short phrase for the kind of product.
    type: str = ""
    #: The product's current category, in the caller's own words.
    category: str = ""
    styles: Sequence[str] = ()
    tags: Sequence[str] = ()
    price_range: str = ""
    #: The page that sells the product, or its picture.
    product_url: str = ""
    image_url: str = ""
    #: The picture itself; used before both addresses.
    image_data: bytes = b""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __init__(
        self,
        product_name: str = "",
        description: str = "",
        id: str = "",
        type: str = "",
        category: str = "",
        styles: Sequence[str] = (),
        tags: Sequence[str] = (),
        price_range: str = "",
        product_url: str = "",
        image_url: str = "",
        image_data: bytes = b"",
        attributes: Mapping[str, str] = _NO_ATTRIBUTES,
    ) -> None:
        # The __init__ of a frozen dataclass sets each field by a call of its own, twice as long in all.
        fields = {
            "product_name": product_name,
            "description": description,
            "id": id,
            "type": type,
            "category": category,
            "styles": styles,
            "tags": tags,
            "price_range": price_range,
            "product_url": product_url,
            "image_url": image_url,
            "image_data": image_data,
            "attributes": {} if attributes is _NO_ATTRIBUTES else attributes,
        }
        object.__setattr__(self, "__dict__", fields)


@dataclass(frozen=True)
class Options:
    """The options of one call. Each default is the server's, unless it says otherwise."""

    #: The evidence: "auto" uses an item's picture if it has one, else its text.
    mode: Mode = "auto"
    #: Results in a batch, at most 1,000. 0: 100, and in order the server's own number.
    batch_size: int = 0
    #: Results come in the order of the items, so that a slow item delays those after it.
    in_order: bool = False
    #: Lets interactive calls go first. Jobs always do.
    bulk: bool = False
    #: "refresh" asks the model again and keeps the answer; "bypass" reads, shares and keeps nothing.
    cache: CachePolicy = "use"
    #: An item without a usable picture fails in place of being answered from its text.
    fail_without_picture: bool = False
    #: A model that the server is configured for. Empty: its default.
    model: str = ""
    #: Seconds that an item may take, waiting included, at most a day. 0: two minutes.
    item_timeout: float = 0.0


@dataclass(frozen=True)
class Alternative:
    """A category that an answer might have been."""

    category: str
    #: From 0 to 1.
    probability: float


@dataclass(frozen=True)
class Classification:
    """The category, styles and tags of an item."""

    category: str
    #: The confidence in the category, from 0 to 1.
    confidence: float
    #: "LOGPROBS", "MODEL", "LEXICON", or "NONE" if the confidence is not known (it is 0 then).
    confidence_source: str
    #: Empty if the taxonomy has no styles.
    primary_style: str
    secondary_style: str | None
    style_tags: tuple[str, ...]
    placement_tags: tuple[str, ...]
    reasoning: str
    #: "PICTURE" or "TEXT".
    evidence: str
    #: Whether the confidence is under the server's threshold, or not known.
    needs_review: bool
    #: The likeliest categories, the most likely first; empty if the source of the confidence has none.
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class ItemError:
    """The reason why an item has no classification, or why its picture was not used."""

    #: A stable name such as "REFUSED": the contract's ErrorReason without its prefix.
    reason: str
    message: str
    #: Whether the unchanged item may succeed later.
    retryable: bool
    #: Seconds to wait before that. None: not known.
    retry_after: float | None
    #: The kind of failure in a few words, for counting. Empty if the reason says all.
    summary: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


@dataclass(frozen=True)
class Trace:
    """How a result was made. Counts are 0 for callers that may not see them."""

    attempts: int
    cached: bool
    deduplicated: bool
    #: "openai" or "offline".
    backend: str
    model: str
    #: Seconds spent waiting for a turn.
    queue_time: float
    #: Seconds from admission to the result.
    latency: float
    prompt_tokens: int
    #: Part of prompt_tokens.
    cached_prompt_tokens: int
    #: Part of prompt_tokens.
    cache_write_tokens: int
    completion_tokens: int
    #: Part of completion_tokens.
    reasoning_tokens: int
    taxonomy_version: str
    prompt_version: str
    #: Whether the end of a description over 32 KiB was cut off.
    description_cut: bool


@dataclass(frozen=True)
class Result(Deferred):
    """The result of one item or row: exactly one of classification and error is set."""

    #: The place of the item or row in the call, from 0.
    index: int
    #: Item.id, or the cell that the server took for it.
    item_id: str
    product_name: str
    classification: Classification | None
    error: ItemError | None
    #: Why the picture was not used, if the item was answered from its text.
    image_error: ItemError | None
    trace: Trace
    #: The row as (column, cell) pairs, if jobs.results was asked for rows and it came from one.
    row: tuple[tuple[str, str], ...] | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a classification."""
        return self.error is None

    @cached_property
    def category(self) -> str | None:
        """The category, or None if the item failed."""
        return self.classification.category if self.classification else None


@dataclass(frozen=True)
class Progress:
    """The state of a call or a job."""

    #: Items with a result, failed ones included.
    done: int
    failed: int
    #: 0: not known, as in a feed.
    total: int


@dataclass(frozen=True)
class Batch:
    """Results that were sent together."""

    #: From 1, in the order of sending.
    batch_id: int
    #: "text_multithreaded" or "image_multithreaded".
    processing_type: str
    results: tuple[Result, ...]
    time: datetime
    progress: Progress


@dataclass(frozen=True)
class Summary:
    """The counts of a call or a job at its end."""

    total: int
    succeeded: int
    failed: int
    failures_by_reason: Mapping[str, int]
    cached: int
    deduplicated: int
    upstream_calls: int
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    #: Seconds from the call's arrival to its last result.
    elapsed: float
    peak_concurrency: int


@dataclass(frozen=True)
class Job:
    """A catalogue that the server classifies in the background."""

    job_id: str
    name: str
    state: JobState
    #: The total is always known.
    progress: Progress
    failures_by_reason: Mapping[str, int]
    created: datetime
    #: None: no server has started it.
    started: datetime | None
    #: None: it has not ended.
    ended: datetime | None
    #: Why it does not progress, or why it failed. Mostly empty.
    message: str
    #: The job that this one retries. Empty: none.
    retry_of: str
    #: Tokens of all questions so far. With a token file this and completion_tokens are 0
    #: for callers without the scope operate.
    prompt_tokens: int = 0
    #: Tokens of all answers so far.
    completion_tokens: int = 0


@dataclass(frozen=True)
class Category:
    """A kind of furniture."""

    name: str
    description: str
    placements: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """A style of furniture."""

    name: str
    description: str
    keywords: tuple[str, ...]
    palette: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Taxonomy:
    """The categories and styles in force."""

    #: A hash of the content.
    version: str
    categories: tuple[Category, ...]
    styles: tuple[Style, ...]
