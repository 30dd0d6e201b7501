import type { ComponentChildren } from "preact";
import { messageOf } from "../server/server.js";
import { isPassing, type Loaded } from "./hooks.js";

/** What a view shows instead of, or above, what could not be loaded. */
export function LoadError({ loaded }: { loaded: Pick<Loaded<unknown>, "error" | "reload"> }) {
  if (loaded.error === undefined) {
    return null;
  }
  return (
    <div class="notice is-error" role="alert">
      <span>
        {messageOf(loaded.error)} {isPassing(loaded.error) && "It is tried again by itself."}
      </span>
      <button type="button" onClick={loaded.reload}>
        Try again
      </button>
    </div>
  );
}

/** A message within a view. */
export function Notice({ children }: { children: ComponentChildren }) {
  return <div class="notice">{children}</div>;
}

/** What is shown while a view is loaded. */
export function Loading() {
  return (
    <div class="loading" role="status">
      Loading…
    </div>
  );
}
