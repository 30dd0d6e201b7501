// Which results are shown, in which order, as the address has it.

import { create } from "@bufbuild/protobuf";
import {
  type ReviewFilter,
  ReviewFilterSchema,
  ReviewOrder,
  ReviewState,
} from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { reasonOf } from "../parts/names.js";

/** What a list of results is filtered by and sorted by. */
export interface Query {
  words: string;
  categories: string[];
  styles: string[];
  /** Names of reasons without their prefix. */
  reasons: string[];
  /** A tenth of the confidences, from 0 to 9. */
  step: number | undefined;
  state: ReviewState;
  /** Whether they need review, or failed. */
  only: "" | "doubtful" | "failed";
  order: ReviewOrder;
  descending: boolean;
}

const orders = {
  index: ReviewOrder.INDEX,
  name: ReviewOrder.NAME,
  category: ReviewOrder.CATEGORY,
  confidence: ReviewOrder.CONFIDENCE,
  review: ReviewOrder.REVIEW,
};

const states = {
  unchecked: ReviewState.UNCHECKED,
  accepted: ReviewState.ACCEPTED,
  corrected: ReviewState.CORRECTED,
};

/** Reads a query from an address. */
export function queryOf(settings: URLSearchParams): Query {
  const step = Number(settings.get("confidence") ?? Number.NaN);
  const only = settings.get("only");
  return {
    words: settings.get("q") ?? "",
    categories: settings.getAll("category"),
    styles: settings.getAll("style"),
    // One that cannot be filtered by must not look as if it were.
    reasons: settings.getAll("reason").filter((name) => reasonOf(name) !== undefined),
    step: Number.isInteger(step) && step >= 0 && step <= 9 ? step : undefined,
    state: states[settings.get("state") as keyof typeof states] ?? ReviewState.UNSPECIFIED,
    only: only === "doubtful" || only === "failed" ? only : "",
    order: orders[settings.get("order") as keyof typeof orders] ?? ReviewOrder.INDEX,
    descending: settings.has("descending"),
  };
}

/** Writes a query as an address has it. */
export function settingsOf(query: Query): URLSearchParams {
  const settings = new URLSearchParams();
  const put = (name: string, value: string | undefined) => value && settings.append(name, value);
  put("q", query.words);
  for (const category of query.categories) {
    settings.append("category", category);
  }
  for (const style of query.styles) {
    settings.append("style", style);
  }
  for (const reason of query.reasons) {
    settings.append("reason", reason);
  }
  put("confidence", query.step === undefined ? undefined : String(query.step));
  put("state", nameOf(states, query.state));
  put("only", query.only);
  put("order", query.order === ReviewOrder.INDEX ? undefined : nameOf(orders, query.order));
  put("descending", query.descending ? "1" : undefined);
  return settings;
}

function nameOf<T>(names: Record<string, T>, value: T): string | undefined {
  return Object.keys(names).find((name) => names[name] === value);
}

/** Returns the filter of a query. */
export function filterOf(query: Query): ReviewFilter {
  const { words, categories, styles, reasons, step, state, only } = query;
  return create(ReviewFilterSchema, {
    query: words.trim().slice(0, 500),
    categories,
    styles,
    reasons: reasons.map(reasonOf).filter((reason) => reason !== undefined),
    state,
    ...(step !== undefined && { minConfidence: step / 10, maxConfidence: (step + 1) / 10 }),
    ...(only === "doubtful" && { needsReview: true }),
    ...(only === "failed" && { failed: true }),
  });
}

/** Whether a query leaves any result out. */
export function isFiltered(query: Query): boolean {
  const { words, categories, styles, reasons, step, state, only } = query;
  const lists = categories.length + styles.length + reasons.length;
  return words.trim() !== "" || lists > 0 || step !== undefined || state !== ReviewState.UNSPECIFIED || only !== "";
}

/** Returns a list with a value more, or with it taken out. */
export function toggled<T>(list: readonly T[], value: T): T[] {
  return list.includes(value) ? list.filter((other) => other !== value) : [...list, value];
}
