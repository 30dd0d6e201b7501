// What all calls have in common: token, deadline, signal and safe repetition.

import { ConnectError, type CallOptions as ConnectOptions } from "@connectrpc/connect";
import { CredenzaError, errorFrom } from "./error.js";
import { endOf, pauseAfter, sleep } from "./time.js";
import type { CallOptions } from "./types.js";

/** The settings of a client. All durations are in milliseconds. */
export interface ClientOptions {
  /** A bearer token, or a function that returns the one in force. */
  token?: string | (() => string | Promise<string>) | undefined;
  /** How long a call may take that is no stream, repetitions included. Default: 150,000; 0: without end. */
  timeout?: number | undefined;
  /**
   * How often a call is repeated if the server is away or full. Only calls that are safe to
   * repeat are: reads, those that change nothing the second time, and those for which the
   * server did nothing. Default: 4, over some 3 seconds.
   */
  maxRetries?: number | undefined;
}

/** A wait that a server asks for and that is longer is left to the caller. */
const longestWait = 30_000;

/** Makes calls with the settings of a client. */
export class Caller {
  readonly #token: ClientOptions["token"];
  readonly #timeout: number;
  readonly #maxRetries: number;
  #isClosed = false;

  constructor(options: ClientOptions) {
    this.#token = options.token;
    this.#timeout = options.timeout ?? 150_000;
    this.#maxRetries = options.maxRetries ?? 4;
    if (typeof options.token === "string") {
      checkToken(options.token);
    }
  }

  /** Makes a call that is no stream, and repeats it if that is safe. */
  async unary<T>(options: CallOptions, safe: boolean, call: (o: ConnectOptions) => Promise<T>): Promise<T> {
    const end = endOf(options.timeout ?? this.#timeout);
    for (let failures = 0; ; failures++) {
      try {
        const left = end === Number.POSITIVE_INFINITY ? undefined : Math.max(1, end - Date.now());
        return await call(await this.#options(options.signal, left));
      } catch (thrown) {
        if (!(thrown instanceof ConnectError || thrown instanceof CredenzaError)) {
          throw thrown; // of the caller's own, such as a source or a token's function
        }
        const error = errorFrom(thrown, options.signal, end);
        if (!safe) {
          throw error;
        }
        await this.pause(error, failures, end, options.signal);
      }
    }
  }

  /** Lets no further call begin, and none be repeated. */
  close(): void {
    this.#isClosed = true;
  }

  /** Throws an error if the client was closed, which looks like a broken connection to its calls. */
  checkOpen(): void {
    if (this.#isClosed) {
      throw new CredenzaError("CANCELLED", "the client was closed");
    }
  }

  /** Waits before a call is repeated, or throws its error if another attempt cannot help. */
  async pause(error: CredenzaError, failures: number, end: number, signal?: AbortSignal): Promise<void> {
    this.checkOpen();
    const wait = Math.max(pauseAfter(failures), error.retryAfter ?? 0);
    if (!error.passing || failures >= this.#maxRetries || wait > longestWait || Date.now() + wait >= end) {
      throw error;
    }
    await sleep(wait, signal).catch((reason: unknown) => {
      throw errorFrom(reason, signal);
    });
  }

  /** Returns the options of a stream, whose deadline is only the caller's. */
  stream(options: CallOptions, signal: AbortSignal): Promise<ConnectOptions> {
    return this.#options(signal, options.timeout);
  }

  async #options(signal: AbortSignal | undefined, timeoutMs: number | undefined): Promise<ConnectOptions> {
    this.checkOpen();
    const token = typeof this.#token === "function" ? checkToken(await this.#token()) : this.#token;
    return {
      ...(signal && { signal }),
      ...(timeoutMs && { timeoutMs }),
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    };
  }
}

function checkToken(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new CredenzaError(
      "INVALID_ARGUMENT",
      "the token is empty or has a character that no token can have, such as a line's end: give the token alone",
    );
  }
  return token;
}
