// Pictures of results, from the server alone: a few at once, the last asked for first, and
// the last ones kept as blobs.

import { call, review } from "../server/server.js";

const mostAtOnce = 6;
const mostKept = 400;

interface Order {
  key: string;
  fetch: (signal: AbortSignal) => Promise<string>;
  abort: AbortController;
  resolve: (address: string) => void;
  reject: (error: unknown) => void;
}

const kept = new Map<string, string>();
const waiting: Order[] = [];
let inFlight = 0;

/** Returns the address of a picture that was fetched before. */
export function keptPicture(jobId: string, index: bigint, size: number): string | undefined {
  return kept.get(keyOf(jobId, index, size));
}

/** Fetches a picture and returns an address for it. The signal takes the order back. */
export function picture(jobId: string, index: bigint, size: number, signal: AbortSignal): Promise<string> {
  const key = keyOf(jobId, index, size);
  const known = kept.get(key);
  if (known !== undefined) {
    kept.delete(key);
    kept.set(key, known);
    return Promise.resolve(known);
  }
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    const order: Order = { key, fetch: (s) => fetched(jobId, index, size, s), abort, resolve, reject };
    signal.addEventListener("abort", () => takeBack(order), { once: true });
    waiting.push(order);
    start();
  });
}

function keyOf(jobId: string, index: bigint, size: number): string {
  return `${jobId}/${index}/${size}`;
}

function takeBack(order: Order): void {
  const at = waiting.indexOf(order);
  if (at >= 0) {
    waiting.splice(at, 1);
  }
  order.abort.abort();
}

function start(): void {
  while (inFlight < mostAtOnce) {
    const order = waiting.pop();
    if (order === undefined) {
      return;
    }
    inFlight++;
    order
      .fetch(order.abort.signal)
      .then((address) => {
        order.resolve(keep(order.key, address));
      }, order.reject)
      .finally(() => {
        inFlight--;
        start();
      });
  }
}

async function fetched(jobId: string, index: bigint, size: number, signal: AbortSignal): Promise<string> {
  const { data, contentType } = await call((o) => review.getReviewPicture({ jobId, index, size }, o), { signal });
  const type = contentType === "image/png" ? contentType : "image/jpeg";
  return URL.createObjectURL(new Blob([new Uint8Array(data)], { type }));
}

/** Keeps a picture, and returns its address: the one before if it was fetched twice at once. */
function keep(key: string, address: string): string {
  const before = kept.get(key);
  if (before !== undefined) {
    URL.revokeObjectURL(address);
    return before;
  }
  kept.set(key, address);
  for (const [oldest, oldAddress] of kept) {
    if (kept.size <= mostKept) {
      break;
    }
    kept.delete(oldest);
    URL.revokeObjectURL(oldAddress);
  }
  return address;
}
