import { createClient, type Client as Rpc, type Transport } from "@connectrpc/connect";
import { Caller, type ClientOptions } from "./call.js";
import type { Source } from "./chunks.js";
import { taxonomyOf } from "./convert.js";
import { CredenzaError } from "./error.js";
import { feed } from "./feed.js";
import { ClassificationService } from "./gen/credenza/v1/classification_service_pb.js";
import { Jobs } from "./jobs.js";
import { inLanes, laneEntries } from "./lanes.js";
import { Results } from "./results.js";
import type { CallOptions, Result, StreamOptions, Taxonomy } from "./types.js";

/** What a client calls through. */
export interface Connection {
  /** A transport of `@connectrpc/connect`. */
  transport: Transport;
  /** Whether it can send while it receives, as HTTP/2 can and browsers cannot. */
  duplex: boolean;
  /** Ends all calls and connections. */
  close?: () => void;
}

/**
 * A client of a Credenza server. It is made by `connect` of `credenza/node` or
 * `credenza/web`, or from a transport of the caller's own.
 *
 * A call that fails throws a {@link CredenzaError}. An item that fails is a result with
 * `ok: false`, and the others go on.
 */
export class Client {
  /** Catalogues that are classified in the background. */
  readonly jobs: Jobs;
  readonly #connection: Connection;
  readonly #caller: Caller;
  readonly #rpc: Rpc<typeof ClassificationService>;

  constructor(connection: Connection, options: ClientOptions = {}) {
    this.#connection = connection;
    this.#caller = new Caller(options);
    this.#rpc = createClient(ClassificationService, connection.transport);
    this.jobs = new Jobs(this.#caller, connection.transport, connection.duplex);
  }

  /**
   * Classifies rows, which are objects with any keys, or {@link Item}s. Each has one result;
   * results come while the rest is in flight.
   *
   * ```ts
   * for await (const result of client.classify(rows, { signal })) {
   *   console.log(result.index, result.ok ? result.classification.category : result.error.message);
   * }
   * ```
   *
   * A source without end is taken from at the pace of the model. Lists of up to 2,000 rows,
   * and everything that browsers send, go in calls with a part of the rows each. One that the
   * server refused, or that did not reach it, is repeated; one that broke is not, because what
   * it asked may have been paid.
   */
  classify(source: Source, options: StreamOptions = {}): Results {
    const isShort = Array.isArray(source) && source.length <= laneEntries;
    const way = this.#connection.duplex && !isShort ? feed : inLanes;
    return new Results(() => way(this.#caller, this.#rpc, source, options), options.onNotice);
  }

  /** Classifies one row or item. */
  async classifyOne(entry: object, options: StreamOptions = {}): Promise<Result> {
    let first: Result | undefined;
    for await (const result of this.classify([entry], options)) {
      first ??= result;
    }
    if (first === undefined) {
      throw new CredenzaError("INTERNAL", "the stream ended without a result");
    }
    return first;
  }

  /** Returns the categories and styles in force. */
  async taxonomy(options: CallOptions = {}): Promise<Taxonomy> {
    return taxonomyOf(await this.#caller.unary(options, true, (o) => this.#rpc.getTaxonomy({}, o)));
  }

  /**
   * Ends all calls and closes the connections. The client cannot be used again. Over `fetch`,
   * a call in flight ends with its loop.
   */
  close(): void {
    this.#caller.close();
    this.#connection.close?.();
  }
}
