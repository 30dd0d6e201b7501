// The part of the address after "#": which view is shown, and with which settings.

import { useEffect, useState } from "preact/hooks";

/** A view and its settings. */
export interface Route {
  /** Such as ["jobs", "ID", "look"]. */
  path: string[];
  settings: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const decoded = path.split("/").filter(Boolean).map(decode);
  return { path: decoded, settings: new URLSearchParams(query) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Returns the address of a view. */
export function addressOf(path: readonly string[], settings?: URLSearchParams): string {
  const query = settings?.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

/** Shows a view. If it replaces the present one, that is no step in the history. */
export function go(path: readonly string[], settings?: URLSearchParams, replaces = false): void {
  const address = addressOf(path, settings);
  if (address === location.hash) {
    return;
  }
  if (replaces) {
    history.replaceState(null, "", address);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

/** Returns the view that the address names. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parse(location.hash));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}
