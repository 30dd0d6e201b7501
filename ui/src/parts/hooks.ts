import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CredenzaError, isCancelled } from "../server/server.js";

/** What was loaded from the server. */
export interface Loaded<T> {
  /** The last value, also while the next one is loaded. */
  value: T | undefined;
  /** Why the last attempt failed. `undefined`: it did not. */
  error: unknown;
  /** Whether a value is being loaded because something else was asked for. */
  isLoading: boolean;
  /** Loads it again. */
  reload: () => void;
}

const retryAfterMs = 1500;

/**
 * Loads a value, and again whenever one of the things that it depends on changes. While the
 * server is away it is tried again. `every` returns after how many ms the value is loaded
 * again. `undefined`: not on its own.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  dependencies: readonly unknown[],
  every?: (value: T) => number | undefined,
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({
    value: undefined,
    error: undefined,
    isLoading: true,
  });
  const [times, setTimes] = useState(0);
  const latest = useRef({ load, every });
  latest.current = { load, every };
  // The caller names what the load depends on.
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const once = async () => {
      try {
        const value = await latest.current.load(abort.signal);
        if (!abort.signal.aborted) {
          setState({ value, error: undefined, isLoading: false });
          again(latest.current.every?.(value));
        }
      } catch (error) {
        if (!abort.signal.aborted && !isCancelled(error)) {
          setState(({ value }) => ({ value, error, isLoading: false }));
          again(isPassing(error) ? retryAfterMs : undefined);
        }
      }
    };
    const again = (ms: number | undefined) => {
      timer = ms === undefined ? undefined : setTimeout(once, ms);
    };
    setState(({ value, error }) => ({ value, error, isLoading: true }));
    once();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...dependencies, times]);
  const reload = useCallback(() => setTimes((n) => n + 1), []);
  return { ...state, reload };
}

/** Whether the same call may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  return error instanceof CredenzaError && error.passing;
}

/** Calls f for each key that is pressed outside of fields, unless a dialog is open or a key such as Ctrl is held. */
export function useKeys(f: (event: KeyboardEvent) => void): void {
  const latest = useRef(f);
  latest.current = f;
  // Before the browser paints, so that no key is lost between one view and the next.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isHeld = event.ctrlKey || event.metaKey || event.altKey;
      if (!isHeld && !event.defaultPrevented && !isField(event.target) && !document.querySelector("dialog[open]")) {
        latest.current(event);
      }
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function isField(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea") !== null;
}
