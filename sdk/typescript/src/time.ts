import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** Returns a duration in milliseconds; 0 if it is not set. */
export function millis(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Returns the message of a duration in milliseconds. */
export function durationOf(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1e6);
  return { $typeName: "google.protobuf.Duration", seconds: BigInt(seconds), nanos };
}

/** Returns the date of a timestamp, if it is set. */
export function dateOf(time: Timestamp | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(Number(time.seconds) * 1000 + time.nanos / 1e6);
}

/** Returns when a time that begins now ends, in ms since the epoch. Without one it never does. */
export function endOf(timeout: number | undefined): number {
  return timeout ? Date.now() + timeout : Number.POSITIVE_INFINITY;
}

/** Waits, and ends early with the signal's reason if that is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) {
      stop();
    } else {
      signal?.addEventListener("abort", stop, { once: true });
    }
  });
}

// Between attempts, the wait doubles from the first to the longest, with a jitter of up to
// a half, so that the clients of a server that went down do not all return at once.
const firstPause = 200;
const longestPause = 5000;

/** Returns the wait after a failure that followed the given number of others. */
export function pauseAfter(failures: number): number {
  const pause = Math.min(longestPause, firstPause * 2 ** failures);
  return pause / 2 + Math.random() * pause;
}
