import { useEffect, useRef, useState } from "preact/hooks";
import { ReviewState } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { counted, percent } from "../parts/format.js";
import { useKeys } from "../parts/hooks.js";
import { readable } from "../parts/names.js";
import { isFiltered, type Query, toggled } from "./query.js";

interface FiltersProps {
  query: Query;
  /** `undefined`: not known yet. */
  total: number | undefined;
  onChange: (next: Partial<Query>) => void;
  onBulk: () => void;
}

/** Full-text search, the filters in force, and what can be done with all that they select. */
export function Filters({ query, total, onChange, onBulk }: FiltersProps) {
  return (
    <div class="filters">
      <search class="filters-line">
        <Search words={query.words} onChange={(words) => onChange({ words })} />
        <select
          aria-label="Which results"
          value={query.only}
          onChange={(event) => onChange({ only: event.currentTarget.value as Query["only"] })}
        >
          <option value="">All results</option>
          <option value="doubtful">Doubtful</option>
          <option value="failed">Failed</option>
        </select>
        <select
          aria-label="State of the review"
          value={query.state}
          onChange={(event) => onChange({ state: Number(event.currentTarget.value) })}
        >
          <option value={ReviewState.UNSPECIFIED}>Checked or not</option>
          <option value={ReviewState.UNCHECKED}>Unchecked</option>
          <option value={ReviewState.ACCEPTED}>Accepted</option>
          <option value={ReviewState.CORRECTED}>Corrected</option>
        </select>
        {isFiltered(query) && (
          <button type="button" class="quiet" onClick={() => onChange(noFilter)}>
            Show all
          </button>
        )}
        <span class="grow" />
        <output class="muted" aria-live="polite">
          {total === undefined ? "…" : counted(total, "result")}
        </output>
        <button type="button" disabled={!total} onClick={onBulk}>
          Change all…
        </button>
      </search>
      {hasChips(query) && <Chips query={query} onChange={onChange} />}
    </div>
  );
}

const typingMs = 150;

/** A field whose words are taken shortly after they were typed. */
function Search({ words, onChange }: { words: string; onChange: (words: string) => void }) {
  const [text, setText] = useState(words);
  const field = useRef<HTMLInputElement>(null);
  const sent = useRef(words);
  if (words !== sent.current) {
    sent.current = words;
    setText(words);
  }
  // Only what is typed counts.
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== sent.current) {
        sent.current = text;
        onChange(text);
      }
    }, typingMs);
    return () => clearTimeout(timer);
  }, [text]);
  useKeys((event) => {
    if (event.key === "/") {
      event.preventDefault();
      field.current?.focus();
    }
  });
  return (
    <input
      ref={field}
      type="search"
      class="search"
      aria-label="Search"
      aria-keyshortcuts="/"
      placeholder="Search names, tags, reasons…  ( / )"
      maxlength={500}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
    />
  );
}

function hasChips({ categories, styles, reasons, step }: Query): boolean {
  return categories.length + styles.length + reasons.length > 0 || step !== undefined;
}

function Chips({ query, onChange }: { query: Query; onChange: (next: Partial<Query>) => void }) {
  const { categories, styles, reasons, step } = query;
  return (
    <ul class="chips" aria-label="Filters">
      {categories.map((name) => (
        <Chip
          key={`c ${name}`}
          text={readable(name)}
          onRemove={() => onChange({ categories: toggled(categories, name) })}
        />
      ))}
      {styles.map((name) => (
        <Chip key={`s ${name}`} text={readable(name)} onRemove={() => onChange({ styles: toggled(styles, name) })} />
      ))}
      {reasons.map((name) => (
        <Chip key={`r ${name}`} text={readable(name)} onRemove={() => onChange({ reasons: toggled(reasons, name) })} />
      ))}
      {step !== undefined && (
        <Chip
          text={`Confidence ${percent(step / 10)} to ${percent((step + 1) / 10)}`}
          onRemove={() => onChange({ step: undefined })}
        />
      )}
    </ul>
  );
}

const noFilter: Partial<Query> = {
  words: "",
  categories: [],
  styles: [],
  reasons: [],
  step: undefined,
  state: ReviewState.UNSPECIFIED,
  only: "",
};

function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <li>
      <button type="button" class="chip" aria-label={`Remove the filter ${text}`} onClick={onRemove}>
        <bdi>{text}</bdi> <span aria-hidden="true">✕</span>
      </button>
    </li>
  );
}
