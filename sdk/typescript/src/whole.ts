import { emptySummary } from "./convert.js";
import type { Event } from "./results.js";
import type { Summary } from "./types.js";

/** The counts of a call that is made in parts. */
export class Whole {
  readonly #total: number;
  readonly #start = Date.now();
  #placed = 0;
  #batches = 0;
  #done = 0;
  #failed = 0;
  #summary: Summary = emptySummary;

  /** The total is 0 while it is not known. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Returns the place of the first of the next entries. */
  place(entries: number): number {
    const place = this.#placed;
    this.#placed += entries;
    return place;
  }

  /** Yields a part's event as one of the whole. Summaries are added up. */
  *take(event: Event): Generator<Event, void> {
    switch (event.case) {
      case "batch": {
        const { results } = event.value;
        this.#done += results.length;
        this.#failed += results.reduce((failed, result) => failed + (result.ok ? 0 : 1), 0);
        const progress = { done: this.#done, failed: this.#failed, total: this.#total };
        yield { case: "batch", value: { ...event.value, id: ++this.#batches, progress } };
        break;
      }
      case "summary":
        this.#summary = sum(this.#summary, event.value);
        break;
      case "notice":
        yield event;
    }
  }

  /** Returns the counts of all parts. */
  summary(): Summary {
    return { ...this.#summary, elapsed: Date.now() - this.#start };
  }
}

function sum(a: Summary, b: Summary): Summary {
  const total = Object.fromEntries(
    Object.entries(a).map(([key, value]) => {
      const other: unknown = b[key as keyof Summary];
      return [key, typeof value === "number" && typeof other === "number" ? value + other : value];
    }),
  ) as unknown as Summary;
  const failuresByReason: Record<string, number> = { ...a.failuresByReason };
  for (const [reason, n] of Object.entries(b.failuresByReason)) {
    failuresByReason[reason] = (failuresByReason[reason] ?? 0) + n;
  }
  return { ...total, failuresByReason, peakConcurrency: Math.max(a.peakConcurrency, b.peakConcurrency) };
}
