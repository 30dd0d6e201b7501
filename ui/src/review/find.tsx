import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { readable } from "../parts/names.js";

interface FindProps {
  categories: string[];
  onChoose: (category: string) => void;
  onClose: () => void;
  /** What gets the focus back. */
  cardRef: RefObject<HTMLElement | null>;
}

/** A search among all categories: arrows choose, Enter takes, Escape leaves. */
export function Find({ categories, onChoose, onClose, cardRef }: FindProps) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  // Before the next key, which would be a command otherwise.
  useLayoutEffect(() => field.current?.focus(), []);
  const sought = text.trim().toLowerCase();
  const found = categories.filter((name) => readable(name).toLowerCase().includes(sought));
  const chosen = found[Math.min(at, found.length - 1)];
  const leave = () => {
    onClose();
    cardRef.current?.focus();
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => setAt(Math.min(found.length - 1, at + 1)),
    ArrowUp: () => setAt(Math.max(0, at - 1)),
    Enter: () => chosen !== undefined && onChoose(chosen),
    Escape: leave,
  };
  return (
    <div class="find">
      <input
        ref={field}
        type="text"
        role="combobox"
        aria-label="Search a category"
        aria-expanded="true"
        aria-controls="found-categories"
        aria-autocomplete="list"
        aria-activedescendant={chosen === undefined ? undefined : `found-${chosen}`}
        placeholder="Search a category"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (act !== undefined) {
            event.preventDefault();
            event.stopPropagation();
            act();
          }
        }}
      />
      <div id="found-categories" role="listbox" aria-label="Categories">
        {found.map((name) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={name}
            id={`found-${name}`}
            role="option"
            aria-selected={name === chosen}
            onClick={() => onChoose(name)}
          >
            {readable(name)}
          </div>
        ))}
      </div>
    </div>
  );
}
