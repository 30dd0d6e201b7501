// The results that wait for a person's decision, in order, and the decisions so far.

import { useEffect, useRef, useState } from "preact/hooks";
import {
  type ReviewItem,
  ReviewOrder,
  ReviewState,
} from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { isPassing } from "../parts/hooks.js";
import { call, isCancelled, review } from "../server/server.js";
import { sayError } from "../shell/toasts.js";
import { correct, type NewCorrection, undo } from "./corrections.js";

const fetchedAtOnce = 50;
const fewLeft = 15;
const retryAfterMs = 1500;

/** A decision, with the name of its change once it is stored. */
interface Decision {
  item: ReviewItem;
  stored: Promise<string | undefined>;
}

/** Decisions of all queues that are not stored yet. */
const storing = new Set<Promise<unknown>>();

/** Waits until all decisions so far are stored, or have failed. */
export async function decisionsStored(): Promise<void> {
  await Promise.allSettled([...storing]);
}

// A page that is left while decisions are being stored asks first.
window.addEventListener("beforeunload", (event) => storing.size > 0 && event.preventDefault());

/** The queue of a job. Decisions are shown at once and stored in the background, in their order. */
export class Queue {
  items: ReviewItem[] = [];
  /** The names of the columns of the products' rows. */
  columns: string[] = [];
  /** Results of the review, and those of them that are checked. `undefined`: not known yet. */
  progress: { total: number; done: number } | undefined;
  error: unknown;
  /** Whether all that there is was fetched. */
  isComplete = false;
  readonly #decisions: Decision[] = [];
  readonly #decided = new Set<bigint>();
  readonly #abort = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #isFetching = false;
  #storing = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly jobId: string,
    private readonly changed: () => void,
  ) {}

  /** Whether decisions are being stored. */
  get isStoring(): boolean {
    return this.#storing > 0;
  }

  get canUndo(): boolean {
    return this.#decisions.length > 0;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** Fetches more, and the progress. */
  async fetch(): Promise<void> {
    if (this.#isFetching || this.#abort.signal.aborted) {
      return;
    }
    this.#isFetching = true;
    clearTimeout(this.#timer);
    try {
      await this.#fetchOnce();
      this.error = undefined;
    } catch (error) {
      if (!isCancelled(error)) {
        this.error = error;
        this.#timer = isPassing(error) ? setTimeout(() => this.fetch(), retryAfterMs) : undefined;
      }
    } finally {
      this.#isFetching = false;
    }
    this.changed();
  }

  async #fetchOnce(): Promise<void> {
    const settings = { signal: this.#abort.signal };
    const { jobId } = this;
    await this.#last; // so that what was decided is not listed
    const request = {
      jobId,
      filter: { state: ReviewState.UNCHECKED },
      order: ReviewOrder.REVIEW,
      withRows: true,
      pageSize: Math.min(1000, fetchedAtOnce + this.items.length),
    };
    const [listed, summary] = await Promise.all([
      call((o) => review.listReviewItems(request, o), settings),
      call((o) => review.summarizeReview({ jobId }, o), settings),
    ]);
    const known = new Set(this.items.map(({ result }) => result?.index));
    const added = listed.items.filter(({ result }) => {
      const index = result?.index;
      return index !== undefined && !known.has(index) && !this.#decided.has(index);
    });
    this.items = [...this.items, ...added];
    this.columns = listed.columns;
    this.isComplete = added.length === 0 || Number(listed.total) <= this.items.length;
    this.progress = { total: Number(summary.toReview), done: Number(summary.reviewed) };
  }

  /** Stores a decision on the first result, and goes on to the next one. */
  decide(correction: NewCorrection): void {
    const [item, ...others] = this.items;
    const index = item?.result?.index;
    if (item === undefined || index === undefined) {
      return;
    }
    this.items = others;
    this.#decided.add(index);
    this.#count(1);
    const stored = this.#inOrder(async () => (await correct(this.jobId, { ...correction, index })).changeId);
    const decision = { item, stored: stored.catch(() => undefined) };
    this.#decisions.push(decision);
    stored.catch((error) => {
      const at = this.#decisions.indexOf(decision);
      // A decision that was undone meanwhile is back already.
      if (at >= 0) {
        this.#decisions.splice(at, 1);
        this.#takeBack(item, 1);
      }
      sayError(error);
    });
    this.#goOn();
  }

  /** Puts the first result at the end. */
  later(): void {
    const [item, ...others] = this.items;
    if (item !== undefined) {
      this.items = [...others, item];
      this.#goOn();
    }
  }

  /** Takes the last decision back. */
  undo(): void {
    const last = this.#decisions.pop();
    if (last === undefined) {
      return;
    }
    this.#takeBack(last.item, 0);
    this.#inOrder(async () => {
      const changeId = await last.stored;
      return changeId && undo(this.jobId, changeId);
    }).catch(sayError);
  }

  /** Puts a result back into the queue: at its head, or behind the one that a person is looking at. */
  #takeBack(item: ReviewItem, place: 0 | 1): void {
    this.#decided.delete(item.result?.index ?? -1n);
    this.items = [...this.items.slice(0, place), item, ...this.items.slice(place)];
    this.#count(-1);
    this.changed();
  }

  #count(by: number): void {
    if (this.progress !== undefined) {
      this.progress = { ...this.progress, done: this.progress.done + by };
    }
  }

  #goOn(): void {
    this.changed();
    if (this.items.length < fewLeft && !this.isComplete) {
      this.fetch();
    }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    const settled = done
      .catch(() => undefined)
      .finally(() => {
        this.#storing--;
        storing.delete(settled);
        this.changed();
      });
    this.#storing++;
    storing.add(settled);
    this.#last = settled;
    return done;
  }
}

/** Returns the queue of a job. While the job goes on, it is looked whether there is more. */
export function useQueue(jobId: string, ended: boolean): Queue {
  const [, setTimes] = useState(0);
  const ref = useRef<Queue>(undefined);
  ref.current ??= new Queue(jobId, () => setTimes((n) => n + 1));
  const queue = ref.current;
  useEffect(() => {
    queue.fetch();
    const timer = ended ? undefined : setInterval(() => queue.items.length < fewLeft && queue.fetch(), 2000);
    return () => clearInterval(timer);
  }, [queue, ended]);
  useEffect(() => () => queue.close(), [queue]);
  return queue;
}
