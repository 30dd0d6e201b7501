// Messages of the contract as the plain types of this package.

import type { GetTaxonomyResponse } from "./gen/credenza/v1/classification_service_pb.js";
import { type Job as JobMessage, JobState } from "./gen/credenza/v1/job_service_pb.js";
import { NoticeKind, type Notice as NoticeMessage } from "./gen/credenza/v1/notice_pb.js";
import type * as pb from "./gen/credenza/v1/result_pb.js";
import { ConfidenceSource, ErrorReason, Evidence } from "./gen/credenza/v1/result_pb.js";
import { dateOf, millis } from "./time.js";
import type * as plain from "./types.js";

/** Returns the name of an enum's value, and UNKNOWN for what is not set or newer than this package. */
function nameOf<E extends Record<string | number, string | number>>(
  names: E,
  value: number,
): Exclude<keyof E & string, "UNSPECIFIED"> | "UNKNOWN" {
  const name = value === 0 ? undefined : names[value];
  return (name ?? "UNKNOWN") as Exclude<keyof E & string, "UNSPECIFIED">;
}

const noTrace: plain.Trace = {
  attempts: 0,
  cached: false,
  deduplicated: false,
  backend: "",
  model: "",
  queueTime: 0,
  latency: 0,
  promptTokens: 0,
  cachedPromptTokens: 0,
  cacheWriteTokens: 0,
  completionTokens: 0,
  reasoningTokens: 0,
  taxonomyVersion: "",
  promptVersion: "",
  descriptionCut: false,
};

function traceOf(t: pb.Trace | undefined): plain.Trace {
  if (t === undefined) {
    return noTrace;
  }
  return {
    attempts: t.attempts,
    cached: t.cached,
    deduplicated: t.deduplicated,
    backend: t.backend,
    model: t.model,
    queueTime: millis(t.queueTime),
    latency: millis(t.latency),
    promptTokens: Number(t.promptTokens),
    cachedPromptTokens: Number(t.cachedPromptTokens),
    cacheWriteTokens: Number(t.cacheWriteTokens),
    completionTokens: Number(t.completionTokens),
    reasoningTokens: Number(t.reasoningTokens),
    taxonomyVersion: t.taxonomyVersion,
    promptVersion: t.promptVersion,
    descriptionCut: t.descriptionCut,
  };
}

function itemErrorOf(e: pb.ItemError): plain.ItemError {
  return {
    reason: nameOf(ErrorReason, e.reason),
    message: e.message,
    retryable: e.retryable,
    retryAfter: e.retryAfter === undefined ? undefined : millis(e.retryAfter),
    summary: e.summary,
  };
}

const noOutcome: plain.ItemError = {
  reason: "UNKNOWN",
  message: "the result has an outcome that this version of the client does not know",
  retryable: false,
  summary: "",
};

/** Returns the result of an item of a call whose first item has the given place. */
export function resultOf(r: pb.ItemResult, place = 0, row?: plain.StoredRow): plain.Result {
  const base = {
    index: Number(r.index) + place,
    itemId: r.itemId,
    productName: r.productName,
    imageError: r.imageError === undefined ? undefined : itemErrorOf(r.imageError),
    trace: traceOf(r.trace),
    row,
  };
  if (r.outcome.case !== "classification") {
    return { ok: false, ...base, error: r.outcome.case === "error" ? itemErrorOf(r.outcome.value) : noOutcome };
  }
  return {
    ok: true,
    ...base,
    classification: classificationOf(r.outcome.value),
  };
}

function classificationOf(c: pb.Classification): plain.Classification {
  return {
    category: c.category,
    confidence: c.confidence,
    confidenceSource: nameOf(ConfidenceSource, c.confidenceSource),
    primaryStyle: c.primaryStyle,
    secondaryStyle: c.secondaryStyle,
    styleTags: c.styleTags,
    placementTags: c.placementTags,
    reasoning: c.reasoning,
    evidence: nameOf(Evidence, c.evidence),
    needsReview: c.needsReview,
    alternatives: c.alternatives.map(({ category, probability }) => ({ category, probability })),
  };
}

function progressOf(p: pb.Progress | undefined): plain.Progress {
  return { done: Number(p?.done ?? 0), failed: Number(p?.failed ?? 0), total: Number(p?.total ?? 0) };
}

/** Returns a batch of results of a call whose first item has the given place. */
export function batchOf(b: pb.Batch, place: number): plain.Batch {
  return {
    id: Number(b.batchId),
    processingType: b.processingType,
    results: b.results.map((r) => resultOf(r, place)),
    time: dateOf(b.timestamp),
    progress: progressOf(b.progress),
  };
}

function countsOf(counts: Record<string, bigint>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([reason, n]) => [reason, Number(n)]));
}

/** The counts of a call without items. */
export const emptySummary: plain.Summary = {
  total: 0,
  succeeded: 0,
  failed: 0,
  failuresByReason: {},
  cached: 0,
  deduplicated: 0,
  upstreamCalls: 0,
  promptTokens: 0,
  cachedPromptTokens: 0,
  cacheWriteTokens: 0,
  completionTokens: 0,
  reasoningTokens: 0,
  elapsed: 0,
  peakConcurrency: 0,
};

/** Returns the counts of a call. */
export function summaryOf(s: pb.Summary): plain.Summary {
  return {
    total: Number(s.total),
    succeeded: Number(s.succeeded),
    failed: Number(s.failed),
    failuresByReason: countsOf(s.failuresByReason),
    cached: Number(s.cached),
    deduplicated: Number(s.deduplicated),
    upstreamCalls: Number(s.upstreamCalls),
    promptTokens: Number(s.promptTokens),
    cachedPromptTokens: Number(s.cachedPromptTokens),
    cacheWriteTokens: Number(s.cacheWriteTokens),
    completionTokens: Number(s.completionTokens),
    reasoningTokens: Number(s.reasoningTokens),
    elapsed: millis(s.elapsed),
    peakConcurrency: s.peakConcurrency,
  };
}

/** Returns a notice. */
export function noticeOf(n: NoticeMessage): plain.Notice {
  return {
    kind: nameOf(NoticeKind, n.kind),
    message: n.message,
    host: n.outage?.host ?? "",
    since: dateOf(n.outage?.startTime),
  };
}

/** Returns the taxonomy in force. */
export function taxonomyOf(t: GetTaxonomyResponse): plain.Taxonomy {
  return {
    version: t.version,
    categories: t.categories.map(({ name, description, placements }) => ({ name, description, placements })),
    styles: t.styles.map(({ name, description, keywords, palette, tags }) => ({
      name,
      description,
      keywords,
      palette,
      tags,
    })),
  };
}

/** Returns the state of a job. */
export function jobStateOf(state: JobState): plain.JobState {
  return nameOf(JobState, state);
}

/** Returns a job. */
export function jobOf(j: JobMessage | undefined): plain.Job {
  return {
    id: j?.jobId ?? "",
    name: j?.displayName ?? "",
    state: jobStateOf(j?.state ?? JobState.UNSPECIFIED),
    progress: progressOf(j?.progress),
    failuresByReason: countsOf(j?.failuresByReason ?? {}),
    created: dateOf(j?.createTime),
    started: dateOf(j?.startTime),
    ended: dateOf(j?.endTime),
    message: j?.message ?? "",
    retryOf: j?.retryOf ?? "",
    promptTokens: Number(j?.promptTokens ?? 0n),
    completionTokens: Number(j?.completionTokens ?? 0n),
  };
}
