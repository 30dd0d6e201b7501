import { batchOf, noticeOf, summaryOf } from "./convert.js";
import { CredenzaError } from "./error.js";
import type { ClassifyStreamResponse } from "./gen/credenza/v1/classification_service_pb.js";
import type { Batch, Notice, Result, Summary } from "./types.js";

/** What a call streams: batches, notices and at last the summary. */
export type Event =
  | { case: "batch"; value: Batch }
  | { case: "summary"; value: Summary }
  | { case: "notice"; value: Notice };

/**
 * Returns the event of a message, and undefined for one that this version does not know.
 * Indexes are those of a call whose first item has the given place.
 */
export function eventOf(message: { event: ClassifyStreamResponse["event"] }, place = 0): Event | undefined {
  const { event } = message;
  switch (event.case) {
    case "batch":
      return { case: "batch", value: batchOf(event.value, place) };
    case "summary":
      return { case: "summary", value: summaryOf(event.value) };
    case "notice":
      return { case: "notice", value: noticeOf(event.value) };
    default:
      return undefined;
  }
}

/**
 * The results of one call. The call begins with the iteration and ends with it: a loop that
 * is left early cancels its call. Results are iterated over once.
 */
export class Results implements AsyncIterable<Result> {
  readonly #events: () => AsyncIterable<Event>;
  readonly #onNotice: ((notice: Notice) => void) | undefined;
  #started = false;
  #summary: Summary | undefined;

  /** @internal */
  constructor(events: () => AsyncIterable<Event>, onNotice?: (notice: Notice) => void) {
    this.#events = events;
    this.#onNotice = onNotice;
  }

  /** The counts of the call, once the iteration has ended without an error. */
  get summary(): Summary | undefined {
    return this.#summary;
  }

  /**
   * Iterates over the results one by one, in the order in which they come, which is that of
   * the items only with `inOrder`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Result, void> {
    for await (const batch of this.#receive()) {
      for (const result of batch.results) {
        yield result; // yield* would take twice the time
      }
      this.taken(batch);
    }
  }

  /** Iterates over the results in batches, as the server sends them. */
  async *batches(): AsyncGenerator<Batch, void> {
    for await (const batch of this.#receive()) {
      this.taken(batch);
      yield batch;
    }
  }

  /** Called when a batch has been handed over. */
  protected taken(_: Batch): void {}

  async *#receive(): AsyncGenerator<Batch, void> {
    if (this.#started) {
      throw new CredenzaError("FAILED_PRECONDITION", "these results were iterated over before: make another call");
    }
    this.#started = true;
    let summary: Summary | undefined;
    for await (const event of this.#events()) {
      switch (event.case) {
        case "batch":
          yield event.value;
          break;
        case "summary":
          summary = event.value;
          break;
        case "notice":
          this.#onNotice?.(event.value);
      }
    }
    if (summary === undefined) {
      throw new CredenzaError("INTERNAL", "the stream ended without its summary: results may be missing");
    }
    this.#summary = summary;
  }
}
