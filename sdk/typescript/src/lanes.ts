// Classification in several calls, each with a part of the rows: for transports that cannot
// stream requests, and for short lists.

import type { Client as Rpc } from "@connectrpc/connect";
import { Abort } from "./abort.js";
import type { Caller } from "./call.js";
import { type Chunk, chunksOf, type Source } from "./chunks.js";
import { errorFrom, isRefused } from "./error.js";
import type { ClassificationService } from "./gen/credenza/v1/classification_service_pb.js";
import { type Event, eventOf } from "./results.js";
import { modeOf, optionsOf } from "./settings.js";
import { endOf } from "./time.js";
import type { StreamOptions } from "./types.js";
import { Whole } from "./whole.js";

/** The most rows that go into one call. */
export const laneEntries = 2000;
const size = { entries: laneEntries, bytes: 4 << 20, alone: true };
const lanes = 2; // calls in flight, so that the slow end of one is no pause

type Lane = AsyncGenerator<Event, void>;
type Step = { chunk: IteratorResult<Chunk, void> } | { lane: Lane; event: IteratorResult<Event, void> };

/** Classifies a source chunk by chunk. Indexes and counts are those of the whole. */
export async function* inLanes(
  caller: Caller,
  rpc: Rpc<typeof ClassificationService>,
  source: Source,
  options: StreamOptions,
): AsyncGenerator<Event, void> {
  const abort = new Abort(options.signal);
  const chunks = chunksOf(source, size, options, abort.signal);
  const whole = new Whole(Array.isArray(source) ? source.length : 0);
  const most = options.inOrder ? 1 : lanes;
  const waits = new Map<object, Promise<Step>>(); // of the lanes in flight, and of the next chunk
  let isLast = false;
  const begin = (chunk: Chunk) => {
    const lane = oneLane(caller, rpc, chunk, whole.place(entriesOf(chunk)), options, abort.signal);
    waits.set(lane, advance(lane));
  };
  try {
    for (;;) {
      if (!isLast && !waits.has(chunks) && waits.size < most) {
        waits.set(chunks, next(chunks));
      }
      if (waits.size === 0) {
        break;
      }
      const step = await Promise.race(waits.values());
      if ("chunk" in step) {
        waits.delete(chunks);
        if (step.chunk.done) {
          isLast = true;
        } else {
          begin(step.chunk.value);
        }
      } else if (step.event.done) {
        waits.delete(step.lane);
      } else {
        waits.set(step.lane, advance(step.lane));
        yield* whole.take(step.event.value);
      }
    }
    if (options.signal?.aborted) {
      throw errorFrom(undefined, options.signal);
    }
    yield { case: "summary", value: whole.summary() };
  } finally {
    abort.end();
    for (const wait of [...waits.values(), chunks.return()]) {
      wait.catch(() => undefined);
    }
  }
}

async function next(chunks: AsyncGenerator<Chunk, void>): Promise<Step> {
  return { chunk: await chunks.next() };
}

async function advance(lane: Lane): Promise<Step> {
  return { lane, event: await lane.next() };
}

function entriesOf(chunk: Chunk): number {
  return chunk.case === "items" ? chunk.value.items.length : chunk.value.rows.length;
}

/** Makes one call, which is repeated if the server did nothing for it, so that nothing is paid twice. */
async function* oneLane(
  caller: Caller,
  rpc: Rpc<typeof ClassificationService>,
  chunk: Chunk,
  place: number,
  options: StreamOptions,
  signal: AbortSignal,
): Lane {
  const request = {
    mode: modeOf(options),
    options: optionsOf(options),
    ...(chunk.case === "items" ? { items: chunk.value.items } : { rows: chunk.value }),
  };
  for (let failures = 0; ; failures++) {
    const end = endOf(options.timeout);
    try {
      for await (const message of rpc.classifyStream(request, await caller.stream(options, signal))) {
        const event = eventOf(message, place);
        if (event !== undefined) {
          yield event;
        }
      }
      return;
    } catch (thrown) {
      const error = errorFrom(thrown, signal, end);
      if (!isRefused(error)) {
        throw error;
      }
      await caller.pause(error, failures, Number.POSITIVE_INFINITY, signal);
    }
  }
}
