import type { Client as Rpc } from "@connectrpc/connect";
import { Abort } from "./abort.js";
import type { Caller } from "./call.js";
import { CredenzaError, errorFrom } from "./error.js";
import type { JobService } from "./gen/credenza/v1/job_service_pb.js";
import { type Event, eventOf, Results } from "./results.js";
import { endOf, pauseAfter, sleep } from "./time.js";
import type { Batch, CallOptions, Notice } from "./types.js";

/** The settings of a watch. `timeout` is that of the whole watch. */
export interface WatchOptions extends CallOptions {
  /** A token of an earlier watch, of any program: the watch continues after its batch. */
  token?: string | undefined;
  /** Ends the watch with the last error when an outage has lasted for so many milliseconds. Default: never. */
  patience?: number | undefined;
  /** Called before each wait for a server that is away; the attempt counts from 1 in each outage. */
  onReconnect?: ((attempt: number, error: CredenzaError) => void) | undefined;
  /** Called for each notice that comes between results. */
  onNotice?: ((notice: Notice) => void) | undefined;
}

/** A connection that lasts so long ends an outage without a message: a job may be quiet for hours. */
const settled = 60_000;

/** An attempt that the watch's end cuts so soon was still connecting: the outage goes on. */
const brief = 1000;

/**
 * The results of a job, from the beginning or from a token, then live until the job's end.
 *
 * It outlives its server. While that is away, the iteration waits, and continues where it was
 * when a server answers. No result is missed or repeated.
 */
export class Watch extends Results {
  readonly #tokens = new WeakMap<Batch, string>();
  #token: string;

  /** @internal */
  constructor(caller: Caller, rpc: Rpc<typeof JobService>, jobId: string, options: WatchOptions) {
    const watcher = new Watcher(caller, rpc, jobId, options, (batch, token) => this.#tokens.set(batch, token));
    super(() => watcher.events(), options.onNotice);
    this.#token = options.token ?? "";
  }

  /**
   * Continues after the last batch, in another watch. In a loop over `batches()` that is the
   * current batch: store the token together with its results. In a loop over results it is
   * the last batch whose results were all taken.
   */
  get token(): string {
    return this.#token;
  }

  protected override taken(batch: Batch): void {
    this.#token = this.#tokens.get(batch) ?? this.#token;
  }
}

/** Follows a job across the connections that this takes. */
class Watcher {
  #token: string;
  // Of the current outage.
  #failures = 0;
  #since = 0;
  #cause: CredenzaError | undefined;
  readonly #end: number;

  constructor(
    private readonly caller: Caller,
    private readonly rpc: Rpc<typeof JobService>,
    private readonly jobId: string,
    private readonly options: WatchOptions,
    private readonly keep: (batch: Batch, token: string) => void,
  ) {
    this.#token = options.token ?? "";
    this.#end = endOf(options.timeout);
  }

  async *events(): AsyncGenerator<Event, void> {
    for (;;) {
      const opened = Date.now();
      try {
        for await (const event of this.#connection()) {
          yield event;
          if (event.case === "summary") {
            return;
          }
        }
        throw new CredenzaError("UNAVAILABLE", "the stream ended before the job");
      } catch (thrown) {
        const error = errorFrom(thrown, this.options.signal, this.#end);
        await this.#pause(error, opened);
      }
    }
  }

  async *#connection(): AsyncGenerator<Event, void> {
    const abort = new Abort(this.options.signal);
    const timeout = Number.isFinite(this.#end) ? Math.max(1, this.#end - Date.now()) : undefined;
    try {
      const request = { jobId: this.jobId, resumeToken: this.#token };
      for await (const message of this.rpc.watchJob(request, await this.caller.stream({ timeout }, abort.signal))) {
        this.#failures = 0;
        this.#cause = undefined;
        this.#token = message.resumeToken || this.#token;
        const event = eventOf(message);
        if (event?.case === "batch") {
          this.keep(event.value, this.#token);
        }
        if (event !== undefined) {
          yield event;
        }
      }
    } finally {
      abort.end();
    }
  }

  /** Waits before the next attempt, or throws the error if that cannot help. */
  async #pause(error: CredenzaError, opened: number): Promise<void> {
    this.caller.checkOpen();
    const now = Date.now();
    if (!error.passing || error.code === "DEADLINE_EXCEEDED") {
      throw error.code === "DEADLINE_EXCEEDED" && now - opened < brief ? (this.#cause ?? error) : error;
    }
    if (this.#failures === 0 || now - opened >= settled) {
      this.#failures = 0;
      this.#since = now;
    }
    const wait = Math.max(pauseAfter(this.#failures), error.retryAfter ?? 0);
    const patience = this.options.patience ?? Number.POSITIVE_INFINITY;
    if (now - this.#since + wait > patience || now + wait >= this.#end) {
      throw error;
    }
    this.#failures++;
    this.#cause = error;
    this.options.onReconnect?.(this.#failures, error);
    await sleep(wait, this.options.signal).catch((reason: unknown) => {
      throw errorFrom(reason, this.options.signal);
    });
  }
}
