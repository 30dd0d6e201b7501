import {
  type ReviewItem,
  ReviewOrder,
  ReviewState,
} from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { Meter } from "../parts/bars.js";
import { readable, reasonName, stateName } from "../parts/names.js";
import { Picture } from "../parts/picture.js";
import { labelsOf, machineLabels } from "../review/corrections.js";
import type { Query } from "./query.js";

/** The height of a row in pixels, as in the style sheet. */
export const rowHeight = 64;

const columns = [
  { name: "Picture", order: undefined },
  { name: "Product", order: ReviewOrder.NAME },
  { name: "Category", order: ReviewOrder.CATEGORY },
  { name: "Styles", order: undefined },
  { name: "Confidence", order: ReviewOrder.CONFIDENCE },
  { name: "Why", order: undefined },
  { name: "Review", order: ReviewOrder.REVIEW },
];

/** The names of the columns. Those that can be sorted by are buttons. */
export function Head({ query, onChange }: { query: Query; onChange: (next: Partial<Query>) => void }) {
  return (
    <div role="row" class="grid-row" aria-rowindex={1}>
      {columns.map(({ name, order }) => {
        const isSorted = order !== undefined && query.order === order;
        const sort = isSorted ? (query.descending ? "descending" : "ascending") : "none";
        return (
          <div role="columnheader" key={name} aria-sort={order === undefined ? undefined : sort} class="cell">
            {order === undefined ? (
              name
            ) : (
              <button type="button" class="sort" onClick={() => onChange(nextSort(query, order))}>
                {name}
                <span aria-hidden="true" class="sort-mark">
                  {isSorted ? (query.descending ? "↓" : "↑") : "↕"}
                </span>
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}

/** The first click sorts, the second one reverses, the third one takes it back. */
function nextSort(query: Query, order: ReviewOrder): Partial<Query> {
  if (query.order !== order) {
    return { order, descending: false };
  }
  if (!query.descending && order !== ReviewOrder.REVIEW) {
    return { descending: true };
  }
  return { order: ReviewOrder.INDEX, descending: false };
}

/** The cells of a result. */
export function Cells({ item, jobId }: { item: ReviewItem | undefined; jobId: string }) {
  const result = item?.result;
  if (item === undefined || result === undefined) {
    return (
      <div role="gridcell" class="cell is-wide">
        <span class="ghost" />
      </div>
    );
  }
  const found = result.outcome.case === "classification" ? result.outcome.value : undefined;
  const error = result.outcome.case === "error" ? result.outcome.value : undefined;
  const { primaryStyle, secondaryStyle } = labelsOf(item);
  return (
    <>
      <div role="gridcell" class="cell cell-picture">
        <Picture jobId={jobId} index={result.index} size={48} has={item.hasPicture} alt="" />
      </div>
      <div role="gridcell" class="cell cell-name">
        <strong class="clip-2">
          <bdi>{result.productName.slice(0, 300) || "(no name)"}</bdi>
        </strong>
        <span class="muted small clip">
          <bdi>{result.itemId.slice(0, 100)}</bdi>
        </span>
      </div>
      <div role="gridcell" class="cell cell-category">
        <Category item={item} />
      </div>
      <div role="gridcell" class="cell cell-styles">
        <span class="clip">{[primaryStyle, secondaryStyle].filter(Boolean).map(readable).join(", ")}</span>
        <span class="muted small clip">{found?.styleTags.join(", ")}</span>
      </div>
      <div role="gridcell" class="cell cell-confidence">
        {found && <Meter share={found.confidence} label={found.needsReview ? "Needs review" : ""} />}
      </div>
      <div role="gridcell" class="cell cell-why">
        <span class={error ? "error clip-2" : "muted clip-2"}>{error ? error.message : found?.reasoning}</span>
      </div>
      <div role="gridcell" class="cell cell-state">
        <StateMark item={item} />
      </div>
    </>
  );
}

function Category({ item }: { item: ReviewItem }) {
  const { outcome } = item.result ?? {};
  const { category } = labelsOf(item);
  const machine = machineLabels(item).category;
  if (category === "") {
    const title = outcome?.case === "error" ? readable(reasonName(outcome.value.reason)) : "";
    return (
      <span class="badge is-failed" title={title}>
        Failed
      </span>
    );
  }
  return (
    <>
      <span class="clip">{readable(category)}</span>
      {machine !== category && machine !== "" && <s class="muted small clip">{readable(machine)}</s>}
    </>
  );
}

/** Whether a person has looked at a result. */
export function StateMark({ item }: { item: ReviewItem }) {
  const state = item.correction?.state ?? ReviewState.UNCHECKED;
  if (state === ReviewState.ACCEPTED || state === ReviewState.CORRECTED) {
    return <span class={`badge is-${stateName(state).toLowerCase()}`}>{stateName(state)}</span>;
  }
  const { outcome } = item.result ?? {};
  return outcome?.case === "classification" && outcome.value.needsReview ? (
    <span class="badge is-doubtful">Doubtful</span>
  ) : null;
}
