import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { useState } from "preact/hooks";
import type { Trace as TraceMessage } from "../../../sdk/typescript/src/gen/credenza/v1/result_pb.js";
import {
  CorrectionSchema,
  type ReviewItem,
  ReviewState,
} from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { Meter } from "../parts/bars.js";
import { count, duration, moment, secondsOf } from "../parts/format.js";
import { readable, reasonName } from "../parts/names.js";
import { useTaxonomy } from "../parts/taxonomy.js";
import { correct, labelsOf, machineLabels, person, undo } from "../review/corrections.js";
import { LabelChoice } from "../review/labels.js";
import { messageOf } from "../server/server.js";
import { say, sayError } from "../shell/toasts.js";
import { StateMark } from "./rows.js";

/** What the machine said, and what a person said. */
export function Said({ item }: { item: ReviewItem }) {
  const { outcome, imageError } = item.result ?? {};
  const found = outcome?.case === "classification" ? outcome.value : undefined;
  const error = outcome?.case === "error" ? outcome.value : undefined;
  const machine = machineLabels(item);
  const { correction } = item;
  return (
    <section class="detail-part" aria-label="Result">
      {found && (
        <>
          <p class="row">
            <strong class="grow">{readable(machine.category)}</strong>
            <Meter share={found.confidence} label="Confidence" />
          </p>
          <p class="muted">{[machine.primaryStyle, machine.secondaryStyle].filter(Boolean).map(readable).join(", ")}</p>
          <p class="tags">
            {[...found.styleTags, ...found.placementTags].map((tag) => (
              <span class="tag" key={tag}>
                <bdi>{tag}</bdi>
              </span>
            ))}
          </p>
          <p>
            <bdi>{found.reasoning}</bdi>
          </p>
        </>
      )}
      {error && (
        <p class="error">
          <strong>{readable(reasonName(error.reason))}</strong>: {error.message}
        </p>
      )}
      {imageError && <p class="muted">The picture was not used: {imageError.message}</p>}
      <p class="row">
        <StateMark item={item} />
        {correction && (
          <span class="muted small">
            <bdi>{correction.person || "without a name"}</bdi>, {moment(correction.time)}
          </span>
        )}
      </p>
      {correction?.note && (
        <p>
          Note: <bdi>{correction.note}</bdi>
        </p>
      )}
    </section>
  );
}

interface CorrectProps {
  jobId: string;
  item: ReviewItem;
  /** Called with the corrected result, or without one if it has to be loaded again. */
  onCorrected: (item: ReviewItem | undefined) => void;
}

/** Accepts a result, or changes its labels. */
export function Correct({ jobId, item, onCorrected }: CorrectProps) {
  const { categories, styles } = useTaxonomy();
  const machine = machineLabels(item);
  const [labels, setLabels] = useState(labelsOf(item));
  const [note, setNote] = useState(item.correction?.note ?? "");
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState("");
  const index = item.result?.index ?? 0n;
  const change = {
    index,
    category: labels.category === machine.category ? "" : labels.category,
    primaryStyle: labels.primaryStyle === machine.primaryStyle ? "" : labels.primaryStyle,
    secondaryStyle: labels.secondaryStyle === machine.secondaryStyle ? "" : labels.secondaryStyle,
    note: note.trim(),
  };
  const isChange = change.category !== "" || change.primaryStyle !== "" || change.secondaryStyle !== "";
  const store = async () => {
    setIsBusy(true);
    setError("");
    try {
      const { changeId } = await correct(jobId, change);
      const state = isChange ? ReviewState.CORRECTED : ReviewState.ACCEPTED;
      const stored = { ...change, person: person(), time: timestampNow(), state };
      onCorrected({ ...item, correction: create(CorrectionSchema, stored) });
      const takeBack = () => undo(jobId, changeId).then(() => onCorrected(undefined), sayError);
      say(isChange ? "Corrected." : "Accepted.", { label: "Undo", run: takeBack });
    } catch (thrown) {
      setError(messageOf(thrown));
    }
    setIsBusy(false);
  };
  return (
    <form
      class="detail-part correct"
      aria-label="Correction"
      onSubmit={(event) => {
        event.preventDefault();
        store();
      }}
    >
      <LabelChoice
        name="Category"
        value={labels.category}
        names={categories}
        none={machine.category === "" ? "–" : undefined}
        onChange={(category) => setLabels({ ...labels, category })}
      />
      <LabelChoice
        name="Style"
        value={labels.primaryStyle}
        names={styles}
        none={machine.primaryStyle === "" ? "–" : undefined}
        onChange={(primaryStyle) => setLabels({ ...labels, primaryStyle })}
      />
      <LabelChoice
        name="Second style"
        value={labels.secondaryStyle}
        names={styles}
        none={machine.secondaryStyle === "" ? "–" : undefined}
        onChange={(secondaryStyle) => setLabels({ ...labels, secondaryStyle })}
      />
      <label class="field">
        <span>Note</span>
        <input type="text" maxlength={1000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <div class="actions">
        <button type="submit" class="primary" disabled={isBusy || labels.category === ""}>
          {isChange ? "Save the correction" : "Accept as it is"}
        </button>
      </div>
    </form>
  );
}

/** The likeliest categories. */
export function Alternatives({ item }: { item: ReviewItem }) {
  const { outcome } = item.result ?? {};
  const alternatives = outcome?.case === "classification" ? outcome.value.alternatives : [];
  if (alternatives.length === 0) {
    return null;
  }
  return (
    <section class="detail-part">
      <h4>Likeliest categories</h4>
      <ul class="lines">
        {alternatives.map(({ category, probability }) => (
          <li class="row" key={category}>
            <span class="grow">{readable(category)}</span>
            <Meter share={probability} label="Probability" />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The row that the product came from. */
export function Row({ columns, cells }: { columns: string[]; cells: string[] }) {
  const known = columns.map((name, at) => [name, cells[at] ?? ""] as const).filter(([, value]) => value !== "");
  if (known.length === 0) {
    return null;
  }
  return (
    <section class="detail-part">
      <h4>The row</h4>
      <dl class="pairs">
        {known.map(([name, value], at) => (
          // Names of columns may repeat.
          <div key={`${name} ${at}`}>
            <dt>
              <bdi>{name}</bdi>
            </dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** How the result was made. */
export function Trace({ trace, index, itemId }: { trace: TraceMessage | undefined; index: bigint; itemId: string }) {
  const facts: [string, string][] = [
    ["Place in the job", count(index + 1n)],
    ["Key", itemId],
  ];
  if (trace !== undefined) {
    facts.push(
      ["Model", trace.model],
      ["Calls", count(trace.attempts)],
      ["From the cache", trace.cached ? "yes" : "no"],
      ["Shared with an equal product", trace.deduplicated ? "yes" : "no"],
      ["Time", trace.latency ? duration(secondsOf(trace.latency)) : ""],
      ["Waited", trace.queueTime ? duration(secondsOf(trace.queueTime)) : ""],
      ["Tokens", count(trace.promptTokens + trace.completionTokens)],
      ["Taxonomy", trace.taxonomyVersion],
      ["Instructions", trace.promptVersion],
    );
  }
  return (
    <details class="detail-part">
      <summary>How it was made</summary>
      <dl class="pairs">
        {facts
          .filter(([, value]) => value !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
      </dl>
    </details>
  );
}
