import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CallOptions as ConnectOptions,
  createClient,
  type Client as Rpc,
  type Transport,
} from "@connectrpc/connect";
import { Abort } from "./abort.js";
import type { Caller } from "./call.js";
import { type Chunk, chunksOf, type Source } from "./chunks.js";
import { jobOf, resultOf } from "./convert.js";
import { CredenzaError, errorFrom } from "./error.js";
import { Upload } from "./feed.js";
import {
  type CreateJobRequestSchema,
  JobService,
  type JobSpec,
  JobSpecSchema,
  JobState,
  type ListJobResultsResponse,
  ResultFilter,
} from "./gen/credenza/v1/job_service_pb.js";
import { choose, modeOf, optionsOf } from "./settings.js";
import type { CallOptions, ClassifyOptions, Job, Result, RowOptions } from "./types.js";
import { Watch, type WatchOptions } from "./watch.js";

/** The settings of a new job. `bulk` has no effect: interactive calls always go first. */
export interface JobOptions extends ClassifyOptions, RowOptions {
  /** The caller's name for the job, for people, at most 200 characters. */
  name?: string | undefined;
  /**
   * The caller's key for the job, at most 200 characters: the same key again returns the same
   * job, whatever its rows, until that is deleted. Default: a random one.
   */
  requestId?: string | undefined;
}

/** The settings of a list of jobs. */
export interface JobListOptions extends CallOptions {
  /** Only jobs in this state. */
  state?: Exclude<Job["state"], "UNKNOWN"> | undefined;
  /** Jobs that are fetched at once, at most 1,000. */
  pageSize?: number | undefined;
}

/** The settings of a list of results. */
export interface JobResultsOptions extends CallOptions {
  /** Default: "all". */
  filter?: "all" | "failed" | "needs_review" | undefined;
  /** Results that are fetched at once, at most 1,000. */
  pageSize?: number | undefined;
  /** Whether results have the rows that their items came from. */
  withRows?: boolean | undefined;
}

const states = {
  UNSPECIFIED: JobState.UNSPECIFIED,
  QUEUED: JobState.QUEUED,
  RUNNING: JobState.RUNNING,
  PAUSED: JobState.PAUSED,
  SUCCEEDED: JobState.SUCCEEDED,
  CANCELLED: JobState.CANCELLED,
  FAILED: JobState.FAILED,
};
const filters = {
  all: ResultFilter.ALL,
  failed: ResultFilter.FAILED,
  needs_review: ResultFilter.NEEDS_REVIEW,
};

/** A timer with a longer time would fire at once. */
const longestTimer = 2 ** 31 - 1;

const size = { entries: 1000, bytes: 1 << 20 };
const oneMessage = { entries: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** Catalogues that the server classifies in the background and keeps. */
export class Jobs {
  readonly #rpc: Rpc<typeof JobService>;

  /** @internal */
  constructor(
    private readonly caller: Caller,
    transport: Transport,
    private readonly duplex: boolean,
  ) {
    this.#rpc = createClient(JobService, transport);
  }

  /**
   * Creates a job, which exists and is on disk once this has returned. Over HTTP/2 rows are
   * streamed and need not fit into memory; a browser sends them in one message of at most
   * 64 MiB and, unless the server is set otherwise, 100,000 rows.
   */
  async submit(source: Source, options: JobOptions = {}): Promise<Job> {
    const spec = specOf(options);
    const isList = Array.isArray(source);
    if (isList && source.length <= size.entries) {
      return this.#submit(source, spec, options);
    }
    if (!this.duplex) {
      return this.#submit(isList ? source : await collect(source), spec, options);
    }
    // A source that is no list is used up by the first attempt.
    return this.caller.unary(options, isList, (o) => this.#stream(source, spec, options, o));
  }

  async #submit(source: Source, spec: JobSpec, options: JobOptions): Promise<Job> {
    const chunks: Chunk[] = [];
    for await (const chunk of chunksOf(source, oneMessage, options, new AbortController().signal)) {
      chunks.push(chunk);
    }
    if (chunks.length > 1) {
      throw new CredenzaError("INVALID_ARGUMENT", "this job has both rows and items: send only one of the two kinds");
    }
    const [chunk] = chunks;
    const request = {
      spec,
      ...(chunk?.case === "items" ? { items: chunk.value.items } : chunk && { rows: chunk.value }),
    };
    const res = await this.caller.unary(options, true, (o) => this.#rpc.submitJob(request, o));
    return jobOf(res.job);
  }

  /**
   * Streams a job. One that is given up must not look complete: Node's HTTP/2 may end a stream
   * in order just before it resets it. So the last message then is a second spec, which the
   * server refuses with all that came before.
   */
  async #stream(source: Source, spec: JobSpec, options: JobOptions, o: ConnectOptions): Promise<Job> {
    const giveUp = new Abort(options.signal);
    const call = new AbortController();
    const upload = new Upload(chunksOf(source, size, options, giveUp.signal), () => giveUp.end());
    async function* requests(): AsyncGenerator<MessageInitShape<typeof CreateJobRequestSchema>> {
      yield { part: { case: "spec", value: spec } };
      try {
        for await (const part of upload) {
          yield { part };
          if (giveUp.signal.aborted) {
            break;
          }
        }
      } catch {
        // the upload has it
      }
      if (giveUp.signal.aborted) {
        yield { part: { case: "spec", value: spec } };
      }
    }
    const { timeoutMs, ...others } = o;
    let isLate = false;
    const deadline = setTimeout(
      () => {
        isLate = true;
        giveUp.end();
      },
      Math.min(timeoutMs ?? longestTimer, longestTimer),
    );
    let grace: ReturnType<typeof setTimeout> | undefined;
    giveUp.signal.addEventListener("abort", () => {
      grace = setTimeout(() => call.abort(), 1000);
    });
    try {
      options.signal?.throwIfAborted();
      const res = await this.#rpc.createJob(requests(), { ...others, signal: call.signal });
      return jobOf(res.job);
    } catch (thrown) {
      if (isLate) {
        throw new CredenzaError("DEADLINE_EXCEEDED", "the upload took too long", { cause: thrown });
      }
      throw upload.failed ? upload.failure : errorFrom(thrown, options.signal);
    } finally {
      giveUp.end();
      upload.stop();
      clearTimeout(deadline);
      clearTimeout(grace);
    }
  }

  /** Returns a job. */
  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    const res = await this.caller.unary(options, true, (o) => this.#rpc.getJob({ jobId }, o));
    return jobOf(res.job);
  }

  /** Iterates over jobs, the newest first, and fetches them page by page. */
  async *list(options: JobListOptions = {}): AsyncGenerator<Job, void> {
    const state = choose("state", states, options.state ?? "UNSPECIFIED");
    const request = { pageSize: options.pageSize ?? 0, state, pageToken: "" };
    do {
      const page = await this.caller.unary(options, true, (o) => this.#rpc.listJobs(request, o));
      yield* page.jobs.map(jobOf);
      request.pageToken = page.nextPageToken;
    } while (request.pageToken !== "");
  }

  /**
   * Follows a job: its results from the beginning or from a token, then live until its end.
   * The watch resumes by itself when its server goes away.
   */
  watch(jobId: string, options: WatchOptions = {}): Watch {
    return new Watch(this.caller, this.#rpc, jobId, options);
  }

  /**
   * Iterates over the results that there are, page by page, in the order in which they were
   * stored. Unlike `watch` it does not wait for more, and can choose.
   */
  async *results(jobId: string, options: JobResultsOptions = {}): AsyncGenerator<Result, void> {
    const request = {
      jobId,
      pageSize: options.pageSize ?? 1000,
      filter: choose("filter", filters, options.filter ?? "all"),
      withRows: options.withRows ?? false,
      pageToken: "",
    };
    for (;;) {
      const page = await this.caller.unary(options, true, (o) => this.#rpc.listJobResults(request, o));
      yield* resultsOf(page);
      if (page.nextPageToken === "" || page.nextPageToken === request.pageToken) {
        return; // the same token again: a job that has not ended has no more yet
      }
      request.pageToken = page.nextPageToken;
    }
  }

  /** Pauses a job: no further item is begun. The reason comes back in `Job.message`. */
  async pause(jobId: string, options: CallOptions & { reason?: string | undefined } = {}): Promise<Job> {
    const reason = options.reason ?? "";
    const res = await this.caller.unary(options, true, (o) => this.#rpc.pauseJob({ jobId, reason }, o));
    return jobOf(res.job);
  }

  /** Continues a paused job. */
  async resume(jobId: string, options: CallOptions = {}): Promise<Job> {
    const res = await this.caller.unary(options, true, (o) => this.#rpc.resumeJob({ jobId }, o));
    return jobOf(res.job);
  }

  /** Ends a job early. Its results so far are kept. A job that has ended is not changed. */
  async cancel(jobId: string, options: CallOptions = {}): Promise<Job> {
    const res = await this.caller.unary(options, true, (o) => this.#rpc.cancelJob({ jobId }, o));
    return jobOf(res.job);
  }

  /**
   * Creates a job from the items of an ended job that failed and may succeed later. Results
   * have the indexes of the old job. The same `requestId` again returns the same job.
   */
  async retry(jobId: string, options: CallOptions & { requestId?: string | undefined } = {}): Promise<Job> {
    const requestId = options.requestId ?? randomId();
    const res = await this.caller.unary(options, true, (o) => this.#rpc.retryJob({ jobId, requestId }, o));
    return jobOf(res.job);
  }

  /** Deletes a job with its items and results. One that runs is cancelled first. */
  async delete(jobId: string, options: CallOptions = {}): Promise<void> {
    let attempts = 0;
    try {
      await this.caller.unary(options, true, (o) => {
        attempts++;
        return this.#rpc.deleteJob({ jobId }, o);
      });
    } catch (error) {
      if (attempts === 1 || !(error instanceof CredenzaError) || error.code !== "NOT_FOUND") {
        throw error;
      } // else an earlier attempt deleted it, and its answer was lost
    }
  }
}

function specOf(options: JobOptions): JobSpec {
  return create(JobSpecSchema, {
    mode: modeOf(options),
    options: optionsOf(options),
    displayName: options.name ?? "",
    requestId: options.requestId ?? randomId(),
  });
}

/** Returns a key that makes it safe to repeat a call. */
function randomId(): string {
  // Not randomUUID, which pages without TLS do not have.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function collect(source: Source): Promise<object[]> {
  const all: object[] = [];
  for await (const entry of source) {
    all.push(entry);
  }
  return all;
}

function resultsOf(page: ListJobResultsResponse): Result[] {
  const { columns } = page;
  return page.results.map((result, i) => {
    const cells = page.rows[i]?.cells ?? [];
    return resultOf(result, 0, cells.length === 0 ? undefined : { columns, cells });
  });
}
