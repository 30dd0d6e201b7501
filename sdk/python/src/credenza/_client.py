"""The synchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar, cast

import grpc

from credenza import _convert as c
from credenza._connection import Attempts, Connection, Outage, connection
from credenza._errors import broken, error_from_rpc, incomplete, interrupted, passing, refused
from credenza._frames import FrameResults, progress_bar, request_id
from credenza._sources import Data, F, check, log
from credenza._stream import Results, Upload, Watch
from credenza._types import Item, Job, JobState, Options, Result, ResultFilter, Taxonomy
from credenza.v1 import classification_service_pb2 as services
from credenza.v1 import item_pb2
from credenza.v1 import job_service_pb2 as jobs
from credenza.v1.classification_service_pb2_grpc import ClassificationServiceStub
from credenza.v1.job_service_pb2_grpc import JobServiceStub

T = TypeVar("T")


class Client:
    """A connection to a server.

    target is a gRPC name such as "localhost:50051" or "dns:///credenza.example:443"; without
    it CREDENZA_SERVER, else 127.0.0.1:50051. token is sent with each call; without it
    CREDENZA_TOKEN. tls is True, False or grpc.ssl_channel_credentials(...); without it, TLS is
    used unless the target is on this machine. timeout bounds a call with one answer, its
    repetitions included, in seconds; streams have no bound unless they are given one.
    max_retries is how often a call is repeated where that is safe: reads, watches, jobs with a
    request id, and any call that the server did not receive or refused on arrival. gzip
    compresses requests, and so answers. plaintext_token allows the token to be sent without
    TLS, for networks that encrypt by other means.

    It does not wait for the server: if there is none, a call fails with the code
    "UNAVAILABLE". Calls raise CredenzaError. Threads may share a client, but each Results is
    for one thread. A client does not survive os.fork: make it in the process that uses it.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        token: str | None = None,
        tls: bool | grpc.ChannelCredentials | None = None,
        timeout: float | None = 60.0,
        max_retries: int = 4,
        gzip: bool = False,
        plaintext_token: bool = False,
    ) -> None:
        self._connection = connection(target, token, tls, timeout, max_retries, gzip, plaintext_token)
        self._calls = _Calls(self._connection)
        self.jobs = Jobs(self._calls)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and end the calls in flight."""
        self._calls.close()

    def taxonomy(self) -> Taxonomy:
        """Return the categories and styles that the server sorts items into."""
        return c.taxonomy_from_proto(
            self._calls.unary(self._calls.items.GetTaxonomy, services.GetTaxonomyRequest(), safe=True)
        )

    def classify_one(self, item: Item, *, options: Options = Options(), timeout: float | None = None) -> Result:
        """Classify one item. Its failure is in Result.error."""
        request = services.ClassifyRequest(
            item=c.item_to_proto(item), mode=c.mode_to_proto(options.mode), options=c.options_to_proto(options)
        )
        return c.result_from_proto(self._calls.unary(self._calls.items.Classify, request, timeout=timeout).result)

    def classify(
        self,
        data: Data,
        *,
        columns: Mapping[str, str] | None = None,
        options: Options = Options(),
        timeout: float | None = None,
    ) -> Results:
        """Classify Items, rows or a DataFrame of any size, and return the results as they come.

        Rows are mappings from column to value. The server finds out which column fills which
        field; columns chooses one itself, {"product_name": "Titel"}, or none, {"type": ""}.
        Result.index is the place in the data. An iterable is read on a thread of its own, no
        faster than the server takes it, and stopped at its next record when the call ends; its
        exception comes out of the iteration. timeout, in seconds, bounds the whole call.

        A server that shuts down ends the call with "UNAVAILABLE". Where that must not cost
        anything, use classify_frame or jobs.
        """
        check(data)
        spec = services.FeedSpec(mode=c.mode_to_proto(options.mode), options=c.options_to_proto(options))
        return Results(self._feed(spec, data, columns, timeout))

    def _feed(
        self, spec: services.FeedSpec, data: Data, columns: Mapping[str, str] | None, timeout: float | None
    ) -> Generator[services.ClassifyFeedResponse, None, None]:
        upload = Upload(services.ClassifyFeedRequest(spec=spec), feed_chunk, data, columns)
        attempts = Attempts(self._connection.max_retries, timeout)
        while True:
            call = self._calls.items.ClassifyFeed(upload.requests(), **self._calls.settings(attempts))
            upload.of(call)
            received = complete = False
            try:
                for event in call:
                    received, complete = True, event.HasField("summary")
                    yield event
                if not complete:
                    raise incomplete()
                return
            except grpc.RpcError as e:
                if upload.error is not None:
                    raise upload.error from None
                error = error_from_rpc(e)
                pause = attempts.pause(error, not received and upload.may_repeat(error))
            finally:
                cast("grpc.Call", call).cancel()
                upload.stop()
            time.sleep(pause)

    def classify_frame(
        self,
        frame: F,
        *,
        key: str = "",
        columns: Mapping[str, str] | None = None,
        options: Options = Options(),
        prefix: str = "",
        progress: bool = False,
        patience: float | None = 600.0,
    ) -> F:
        """Classify a DataFrame of pandas or polars as a job, and return it with the results.

        The returned frame has the same rows and index, and the columns category, confidence,
        needs_review, primary_style, secondary_style, style_tags, placement_tags, reasoning,
        confidence_source, evidence, error ("REASON: message", empty if the row succeeded) and
        image_error, each with the prefix in front. A frame that has one of them already is
        refused with ValueError before anything is sent.

        The job is known by the key and the frame's content: the same call again, also after a
        crash of this program or of the server, takes up the job there is, and pays for nothing
        twice. It is kept as the server keeps jobs (a week); another key makes a new one.
        columns and options are as in classify; progress shows a bar (needs tqdm); patience is
        how long the server may be away once it has the job, in seconds, None for ever. Handing
        the job over is repeated max_retries times.
        """
        results = FrameResults(frame, prefix)
        if len(frame) == 0:
            return results.frame()
        job = self.jobs.submit(
            frame, columns=columns, options=options, request_id=request_id(frame, key, columns, options), name=key
        )
        bar = progress_bar(progress, len(frame))
        try:
            for result in self.jobs.watch(job, patience=patience):
                results.add(result)
                bar.update(1)
        finally:
            bar.close()
        return results.frame()


class Jobs:
    """The jobs of a server: catalogues that it classifies in the background and keeps.

    A job is named by its id or by a Job.
    """

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls
        self._stub = calls.jobs

    def submit(
        self,
        data: Data,
        *,
        columns: Mapping[str, str] | None = None,
        options: Options = Options(),
        name: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Job:
        """Create a job from Items, rows or a DataFrame, at least one of them, as in Client.classify.

        It exists once this returns. The same request_id (at most 200 characters) again gives
        the job of the first time, whatever the data, until that is deleted. name is for people,
        at most 200 characters. timeout, in seconds, bounds the upload.
        """
        check(data)
        upload = Upload(jobs.CreateJobRequest(spec=job_spec(options, name, request_id)), job_chunk, data, columns)
        attempts = Attempts(self._calls.connection.max_retries, timeout)
        while True:
            call = self._stub.CreateJob.future(upload.requests(), **self._calls.settings(attempts))
            upload.of(call)
            try:
                return c.job_from_proto(call.result().job)
            except (grpc.RpcError, grpc.FutureCancelledError) as e:
                if upload.error is not None:
                    raise upload.error from None
                error = error_from_rpc(cast("grpc.RpcError", call if isinstance(e, grpc.FutureCancelledError) else e))
                pause = attempts.pause(error, upload.may_repeat(error, safe=bool(request_id)))
            finally:
                call.cancel()
                upload.stop()
            time.sleep(pause)

    def watch(
        self, job: str | Job, token: str = "", *, patience: float | None = 600.0, timeout: float | None = None
    ) -> Watch:
        """Follow a job: its results from the beginning, or after a token of an earlier watch, then
        live until its end.

        While the server is away, or its storage, the iteration waits and continues where it
        was, without missing or repeating a result: for patience seconds, None for ever. If no
        message has come yet, it is tried max_retries times. timeout, in seconds, bounds the
        whole watch.
        """
        return Watch(self._watch(job_id(job), token, patience, timeout), token)

    def _watch(
        self, name: str, token: str, patience: float | None, timeout: float | None
    ) -> Generator[jobs.WatchJobResponse, None, None]:
        outage, attempts = Outage(self._calls.connection, patience), Attempts(0, timeout)
        while True:
            request = jobs.WatchJobRequest(job_id=name, resume_token=token)
            opened = time.monotonic()
            call = self._stub.WatchJob(request, **self._calls.settings(attempts))
            try:
                for event in call:
                    outage.message()
                    token = event.resume_token or token
                    yield event
                    if event.HasField("summary"):
                        return
                error = interrupted()
            except grpc.RpcError as e:
                error = attempts.late(error_from_rpc(e))
                if self._calls.closed or not broken(error):
                    raise outage.cause(error, opened) from None
            finally:
                cast("grpc.Call", call).cancel()
            pause = outage.pause(error, attempts.time_left())
            log.info("the watch of job %s waits %.1f s: %s", name, pause, error)
            time.sleep(pause)
            if self._calls.closed:
                raise error

    def get(self, job: str | Job) -> Job:
        """Return a job."""
        return c.job_from_proto(
            self._calls.unary(self._stub.GetJob, jobs.GetJobRequest(job_id=job_id(job)), safe=True).job
        )

    def list(self, *, state: JobState | None = None) -> Iterator[Job]:
        """Iterate over the jobs, the newest first, or those in one state."""
        request = jobs.ListJobsRequest(state=c.state_to_proto(state))
        while True:
            page = self._calls.unary(self._stub.ListJobs, request, safe=True)
            yield from map(c.job_from_proto, page.jobs)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def results(self, job: str | Job, filter: ResultFilter = "all", *, with_rows: bool = False) -> Iterator[Result]:
        """Iterate over the results that there are now, in the order in which they were stored.

        filter leaves only those that "failed" or that "needs_review". with_rows sets Result.row.
        """
        request = results_request(job, filter, with_rows)
        while True:
            page = self._calls.unary(self._stub.ListJobResults, request, safe=True)
            yield from c.page_from_proto(page)
            if not next_page(request, page):
                return

    def retry(self, job: str | Job, *, request_id: str = "") -> Job:
        """Create a job from the items of an ended job that failed and may succeed later."""
        request = jobs.RetryJobRequest(job_id=job_id(job), request_id=request_id)
        return c.job_from_proto(self._calls.unary(self._stub.RetryJob, request, safe=bool(request_id)).job)

    def pause(self, job: str | Job, reason: str = "") -> Job:
        """Pause a job: no further item is begun. The reason, for people, is its message then."""
        request = jobs.PauseJobRequest(job_id=job_id(job), reason=c.text(reason))
        return c.job_from_proto(self._calls.unary(self._stub.PauseJob, request, safe=True).job)

    def resume(self, job: str | Job) -> Job:
        """Continue a paused job."""
        return c.job_from_proto(
            self._calls.unary(self._stub.ResumeJob, jobs.ResumeJobRequest(job_id=job_id(job)), safe=True).job
        )

    def cancel(self, job: str | Job) -> Job:
        """End a job early. Its results so far are kept."""
        return c.job_from_proto(
            self._calls.unary(self._stub.CancelJob, jobs.CancelJobRequest(job_id=job_id(job)), safe=True).job
        )

    def delete(self, job: str | Job) -> None:
        """Delete a job with its items and results. One that runs is cancelled first."""
        self._calls.unary(self._stub.DeleteJob, jobs.DeleteJobRequest(job_id=job_id(job)))


class _Calls:
    """The channel, and calls with one answer."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.closed = False
        target, options = connection.target, connection.options()
        if connection.credentials is None:
            self._channel = grpc.insecure_channel(target, options)
        else:
            self._channel = grpc.secure_channel(target, connection.credentials, options)
        self.items = ClassificationServiceStub(self._channel)
        self.jobs = JobServiceStub(self._channel)

    def close(self) -> None:
        self.closed = True
        self._channel.close()

    def settings(self, attempts: Attempts) -> dict[str, Any]:
        """Return the keyword arguments of the next attempt."""
        return {
            "timeout": attempts.time_left(),
            "metadata": self.connection.metadata,
            "compression": self.connection.compression,
        }

    def unary(self, method: Callable[..., T], request: Any, *, safe: bool = False, timeout: float | None = None) -> T:
        """Make a call. One that is safe is repeated whenever that may help."""
        attempts = Attempts(self.connection.max_retries, self.connection.timeout if timeout is None else timeout)
        while True:
            try:
                return method(request, **self.settings(attempts))
            except grpc.RpcError as e:
                error = error_from_rpc(e)
            time.sleep(attempts.pause(error, refused(error) or (safe and passing(error))))


def feed_chunk(chunk: item_pb2.ItemChunk | item_pb2.RowChunk) -> services.ClassifyFeedRequest:
    if isinstance(chunk, item_pb2.ItemChunk):
        return services.ClassifyFeedRequest(items=chunk)
    return services.ClassifyFeedRequest(rows=chunk)


def job_chunk(chunk: item_pb2.ItemChunk | item_pb2.RowChunk) -> jobs.CreateJobRequest:
    if isinstance(chunk, item_pb2.ItemChunk):
        return jobs.CreateJobRequest(items=chunk)
    return jobs.CreateJobRequest(rows=chunk)


def job_spec(options: Options, name: str, request_id: str) -> jobs.JobSpec:
    return jobs.JobSpec(
        mode=c.mode_to_proto(options.mode),
        options=c.options_to_proto(options),
        display_name=c.text(name),
        request_id=c.text(request_id),
    )


def job_id(job: str | Job) -> str:
    return job.job_id if isinstance(job, Job) else job


def results_request(job: str | Job, filter: ResultFilter, with_rows: bool) -> jobs.ListJobResultsRequest:
    return jobs.ListJobResultsRequest(
        job_id=job_id(job), page_size=1000, filter=c.filter_to_proto(filter), with_rows=with_rows
    )


def next_page(request: jobs.ListJobResultsRequest, page: jobs.ListJobResultsResponse) -> bool:
    """Turn the request to the next page, and report whether there is one now. An empty page with
    the token of the one before is the end of what a running job has."""
    before, request.page_token = request.page_token, page.next_page_token
    return bool(request.page_token) and (bool(page.results) or request.page_token != before)
