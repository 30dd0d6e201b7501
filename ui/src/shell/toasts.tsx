// Short messages at the edge of the page, which screen readers speak.

import { useEffect, useState } from "preact/hooks";
import { isCancelled, messageOf } from "../server/server.js";

interface Toast {
  id: number;
  text: string;
  kind: "info" | "error";
  action?: { label: string; run: () => void };
}

let shown: Toast[] = [];
let nextId = 1;
let changed: () => void = () => {};
const shownForMs = { info: 6000, error: 12_000 };
/** Something to do, such as to take a change of many results back, is there for longer. */
const withActionForMs = 120_000;

/** Shows a message for some seconds, with a button if there is something to do. */
export function say(text: string, action?: Toast["action"]): void {
  show({ id: nextId++, text, kind: "info", ...(action && { action }) });
}

/** Shows an error for some seconds, unless the page gave the call up itself. */
export function sayError(error: unknown): void {
  if (!isCancelled(error)) {
    show({ id: nextId++, text: messageOf(error), kind: "error" });
  }
}

function show(toast: Toast): void {
  shown = [...shown, toast].slice(-3);
  setTimeout(() => dismiss(toast.id), toast.action ? withActionForMs : shownForMs[toast.kind]);
  changed();
}

function dismiss(id: number): void {
  shown = shown.filter((toast) => toast.id !== id);
  changed();
}

/** The messages. */
export function Toasts() {
  const [, setTimes] = useState(0);
  useEffect(() => {
    changed = () => setTimes((n) => n + 1);
    return () => {
      changed = () => {};
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, kind, action }) => (
        <div class={`toast is-${kind}`} key={id}>
          <span>{text}</span>
          {action && (
            <button
              type="button"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
