"""The Python client of a Credenza server, which classifies furniture catalogues.

    from credenza import Client

    for result in Client("localhost:50051").classify(rows):
        print(result.index, result.category, result.error)

There are two separate kinds of failures: an item's failure is data (Result.error, the others
go on), and a call's failure is a CredenzaError.
"""

from credenza._aio import AsyncClient, AsyncJobs
from credenza._client import Client, Jobs
from credenza._errors import CredenzaError, FieldViolation
from credenza._stream import AsyncResults, AsyncWatch, Results, Watch
from credenza._types import (
    Alternative,
    Batch,
    Category,
    Classification,
    Item,
    ItemError,
    Job,
    Options,
    Progress,
    Result,
    Style,
    Summary,
    Taxonomy,
    Trace,
)

__all__ = [
    "Alternative",
    "AsyncClient",
    "AsyncJobs",
    "AsyncResults",
    "AsyncWatch",
    "Batch",
    "Category",
    "Classification",
    "Client",
    "CredenzaError",
    "FieldViolation",
    "Item",
    "ItemError",
    "Job",
    "Jobs",
    "Options",
    "Progress",
    "Result",
    "Results",
    "Style",
    "Summary",
    "Taxonomy",
    "Trace",
    "Watch",
]
