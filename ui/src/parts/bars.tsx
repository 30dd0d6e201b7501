import { count, percent } from "./format.js";

/** One bar of a chart. */
export interface Bar {
  key: string;
  label: string;
  value: number;
}

/** A chart of horizontal bars, each of which switches a filter on and off. */
export function Bars(props: {
  title: string;
  bars: Bar[];
  chosen: readonly string[];
  onToggle: (key: string) => void;
}) {
  const { title, bars, chosen, onToggle } = props;
  if (bars.length === 0) {
    return null;
  }
  const most = Math.max(...bars.map(({ value }) => value), 1);
  return (
    <section class="chart" aria-label={title}>
      <h3>{title}</h3>
      <ul>
        {bars.map(({ key, label, value }) => (
          <li key={key}>
            <button
              type="button"
              class="bar"
              aria-pressed={chosen.includes(key)}
              onClick={() => onToggle(key)}
              title={label}
            >
              <span class="bar-label">{label}</span>
              <span class="bar-track" aria-hidden="true">
                <span class="bar-fill" style={{ width: `${(100 * value) / most}%` }} />
              </span>
              <span class="bar-value">{count(value)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A histogram of confidences in ten steps, each of which switches a filter on and off. */
export function Confidences(props: { steps: number[]; chosen: number | undefined; onToggle: (step: number) => void }) {
  const { steps, chosen, onToggle } = props;
  const most = Math.max(...steps, 1);
  return (
    <section class="chart" aria-label="Confidence">
      <h3>Confidence</h3>
      <div class="columns">
        {steps.map((value, step) => (
          <button
            type="button"
            class="column"
            key={percent(step / 10)}
            aria-pressed={chosen === step}
            aria-label={`${percent(step / 10)} to ${percent((step + 1) / 10)}: ${count(value)}`}
            title={`${percent(step / 10)} to ${percent((step + 1) / 10)}: ${count(value)}`}
            onClick={() => onToggle(step)}
          >
            <span class="column-fill" style={{ height: `${value === 0 ? 0 : Math.max(2, (100 * value) / most)}%` }} />
          </button>
        ))}
      </div>
      <div class="columns-scale" aria-hidden="true">
        <span>{percent(0)}</span>
        <span>{percent(0.5)}</span>
        <span>{percent(1)}</span>
      </div>
    </section>
  );
}

/** A measure from 0 to 1 as a small bar with its number. */
export function Meter({ share, label }: { share: number; label: string }) {
  return (
    <span class="meter" title={label}>
      <span class="meter-track" aria-hidden="true">
        <span class={`meter-fill ${share < 0.5 ? "is-low" : ""}`} style={{ width: `${100 * Math.min(1, share)}%` }} />
      </span>
      <span class="meter-value">{percent(share)}</span>
    </span>
  );
}

/** The progress of work. */
export function Progress({ done, total, label }: { done: number; total: number; label: string }) {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={Math.min(done, total)}
      aria-valuetext={`${count(done)} of ${count(total)}`}
    >
      <div class="progress-fill" style={{ width: `${100 * share}%` }} />
    </div>
  );
}
