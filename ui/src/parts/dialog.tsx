import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface DialogProps {
  title: string;
  children: ComponentChildren;
  /** Called when the person leaves it. Not given: it stays open. */
  onClose?: () => void;
  /** At the side, over the whole height. */
  side?: boolean;
}

/** A dialog that holds the focus while it is open. */
export function Dialog({ title, children, onClose, side }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) {
      dialog.showModal();
    }
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) {
        before.focus();
      }
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={side ? "dialog is-side" : "dialog"}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      // Browsers let a second Escape close a dialog whatever its page says.
      onClose={({ currentTarget }) => {
        if (currentTarget.isConnected && onClose === undefined) {
          currentTarget.showModal();
        } else if (currentTarget.isConnected) {
          onClose?.();
        }
      }}
    >
      <header class="dialog-head">
        <h2>{title}</h2>
        {onClose && (
          <button type="button" class="quiet" onClick={onClose} aria-label="Close">
            ✕
          </button>
        )}
      </header>
      {children}
    </dialog>
  );
}
