// A long list of results of which only the pages that are looked at are fetched.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type {
  ReviewFilter,
  ReviewItem,
  ReviewOrder,
} from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { isPassing } from "../parts/hooks.js";
import { call, isCancelled, review } from "../server/server.js";

/** Which list. */
export interface ListRequest {
  jobId: string;
  filter: ReviewFilter;
  order: ReviewOrder;
  descending: boolean;
}

/** The list, as far as it is known. */
export interface Book {
  /** The length of the list. `undefined`: not known yet. */
  total: number | undefined;
  error: unknown;
  /** Whether another list is still shown than the one that was asked for. */
  isStale: boolean;
  /** The result at a place. `undefined`: not fetched yet. */
  at: (place: number) => ReviewItem | undefined;
  /** Has the results from a place to another one fetched. */
  want: (from: number, to: number) => void;
}

const pageSize = 50;
const mostPages = 100;
const retryAfterMs = 1500;

interface Page {
  items: ReviewItem[];
  version: number;
}

class Pages {
  total: number | undefined;
  error: unknown;
  version = 0;
  readonly #pages = new Map<number, Page>();
  readonly #inFlight = new Map<number, AbortController>();
  #wanted: [number, number] = [0, 0];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly request: ListRequest,
    private readonly changed: () => void,
  ) {}

  at(place: number): ReviewItem | undefined {
    return this.#pages.get(Math.floor(place / pageSize))?.items[place % pageSize];
  }

  want(from: number, to: number): void {
    this.#wanted = [Math.floor(Math.max(0, from) / pageSize), Math.floor(Math.max(0, to) / pageSize)];
    for (const [page, abort] of this.#inFlight) {
      if (page < this.#wanted[0] || page > this.#wanted[1]) {
        abort.abort();
        this.#inFlight.delete(page);
      }
    }
    this.#fetchWanted();
  }

  refresh(version: number): void {
    this.version = version;
    this.#fetchWanted();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const abort of this.#inFlight.values()) {
      abort.abort();
    }
  }

  #fetchWanted(): void {
    const [first, last] = this.#wanted;
    for (let page = first; page <= last; page++) {
      const isBeyond = this.total !== undefined && page > 0 && page * pageSize >= this.total;
      const isFresh = this.#pages.get(page)?.version === this.version;
      if (!isBeyond && !isFresh && !this.#inFlight.has(page)) {
        this.#fetch(page);
      }
    }
  }

  async #fetch(page: number): Promise<void> {
    const abort = new AbortController();
    this.#inFlight.set(page, abort);
    const { version } = this;
    const request = { ...this.request, skip: BigInt(page * pageSize), pageSize };
    try {
      const { items, total } = await call((o) => review.listReviewItems(request, o), { signal: abort.signal });
      this.#take(page, { items, version }, Number(total));
    } catch (error) {
      if (!abort.signal.aborted && !isCancelled(error)) {
        this.#fail(error);
      }
    } finally {
      if (this.#inFlight.get(page) === abort) {
        this.#inFlight.delete(page);
      }
    }
    // What changed meanwhile is fetched again.
    if (!abort.signal.aborted && this.error === undefined) {
      this.#fetchWanted();
    }
  }

  #take(page: number, fetched: Page, total: number): void {
    this.#pages.delete(page);
    this.#pages.set(page, fetched);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= mostPages) {
        break;
      }
      this.#pages.delete(oldest);
    }
    this.total = total;
    this.error = undefined;
    this.changed();
  }

  #fail(error: unknown): void {
    this.error = error;
    this.changed();
    if (isPassing(error)) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.error = undefined;
        this.#fetchWanted();
      }, retryAfterMs);
    }
  }
}

/**
 * Returns the list of a request. While another one is fetched, the one before is still
 * there. With another version all that is looked at is fetched again.
 */
export function useBook(request: ListRequest, key: string, version: number): Book {
  const [, setTimes] = useState(0);
  const current = useRef<{ key: string; pages: Pages; before: Pages | undefined }>(undefined);
  if (current.current?.key !== key) {
    const before = current.current?.pages;
    before?.close();
    const pages = new Pages(request, () => setTimes((n) => n + 1));
    current.current = { key, pages, before: before?.total === undefined ? undefined : before };
  }
  const { pages, before } = current.current;
  // Before the browser paints, so that no frame is lost.
  useLayoutEffect(() => pages.refresh(version), [pages, version]);
  useLayoutEffect(() => () => current.current?.pages.close(), []);
  const isStale = pages.total === undefined && before !== undefined;
  const shown = isStale ? before : pages;
  return {
    total: shown.total,
    error: pages.error,
    isStale,
    at: (place) => shown.at(place),
    want: (from, to) => pages.want(from, to),
  };
}
