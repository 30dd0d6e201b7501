// Classification in one call that sends while it receives.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client as Rpc } from "@connectrpc/connect";
import { Abort } from "./abort.js";
import type { Caller } from "./call.js";
import { type Chunk, chunksOf, type Source } from "./chunks.js";
import { errorFrom } from "./error.js";
import {
  type ClassificationService,
  type ClassifyFeedRequestSchema,
  FeedSpecSchema,
} from "./gen/credenza/v1/classification_service_pb.js";
import { type Event, eventOf } from "./results.js";
import { modeOf, optionsOf } from "./settings.js";
import { endOf } from "./time.js";
import type { StreamOptions } from "./types.js";

const size = { entries: 200, bytes: 256 << 10 };

/**
 * Classifies a source in a feed. It takes no more from the source than the server reads, so
 * that a slow model or a slow reader slows down the source.
 */
export async function* feed(
  caller: Caller,
  rpc: Rpc<typeof ClassificationService>,
  source: Source,
  options: StreamOptions,
): AsyncGenerator<Event, void> {
  const end = endOf(options.timeout);
  const abort = new Abort(options.signal);
  const upload = new Upload(chunksOf(source, size, options, abort.signal), () => abort.end());
  const spec = create(FeedSpecSchema, { mode: modeOf(options), options: optionsOf(options) });
  async function* requests(): AsyncGenerator<MessageInitShape<typeof ClassifyFeedRequestSchema>> {
    yield { part: { case: "spec", value: spec } };
    for await (const part of upload) {
      yield { part };
    }
  }
  try {
    for await (const message of rpc.classifyFeed(requests(), await caller.stream(options, abort.signal))) {
      const event = eventOf(message);
      if (event !== undefined) {
        yield event;
      }
    }
    if (upload.failed) {
      throw upload.failure;
    }
  } catch (thrown) {
    throw upload.failed ? upload.failure : errorFrom(thrown, options.signal, end);
  } finally {
    abort.end();
    upload.stop();
  }
}

/** The chunks that a call sends. It remembers why the source failed, which the call reports as its own error. */
export class Upload implements AsyncIterable<Chunk> {
  readonly #chunks: AsyncGenerator<Chunk, void>;
  readonly #fail: () => void;
  failed = false;
  failure: unknown;

  constructor(chunks: AsyncGenerator<Chunk, void>, fail: () => void) {
    this.#chunks = chunks;
    this.#fail = fail;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk, void> {
    try {
      yield* this.#chunks;
    } catch (error) {
      this.failed = true;
      this.failure = error;
      this.#fail();
      throw error;
    }
  }

  /** Ends the source. */
  stop(): void {
    this.#chunks.return().catch(() => undefined);
  }
}
