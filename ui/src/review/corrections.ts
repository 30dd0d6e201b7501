// Corrections of people: put, counted and taken back.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CorrectionSchema,
  PutCorrectionsRequestSchema,
  PutCorrectionsResponse,
  ReviewFilter,
  ReviewItem,
} from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { call, review } from "../server/server.js";

/** A correction as a request has it. */
export type NewCorrection = MessageInitShape<typeof CorrectionSchema>;

const storedAs = "credenza person";

/** Returns the name under which this person corrects. */
export function person(): string {
  try {
    return localStorage.getItem(storedAs) ?? "";
  } catch {
    return "";
  }
}

/** Keeps the name under which this person corrects. */
export function setPerson(name: string): void {
  try {
    localStorage.setItem(storedAs, name.slice(0, 200));
  } catch {
    // a browser without storage asks again the next time
  }
}

type Change = NonNullable<MessageInitShape<typeof PutCorrectionsRequestSchema>["change"]>;

function put(jobId: string, change: Change, validateOnly = false): Promise<PutCorrectionsResponse> {
  const request = { jobId, change, person: person(), validateOnly };
  // A filter may select others once the change is stored, and a change is taken back once:
  // if it is not known whether the first attempt was stored, the person looks.
  const safe = validateOnly || change.case === "list";
  return call((o) => review.putCorrections(request, o), { safe });
}

/** Stores a correction. */
export function correct(jobId: string, correction: NewCorrection): Promise<PutCorrectionsResponse> {
  return put(jobId, { case: "list", value: { corrections: [correction] } });
}

/** Takes back a change. */
export function undo(jobId: string, changeId: string): Promise<PutCorrectionsResponse> {
  return put(jobId, { case: "undo", value: changeId });
}

/** Stores one correction for all that a filter selects, or counts them. */
export function correctAll(jobId: string, filter: ReviewFilter, correction: NewCorrection, countsOnly: boolean) {
  return put(jobId, { case: "bulk", value: { filter, correction } }, countsOnly);
}

/** The labels of a result that are in force: the person's, or else the machine's. */
export interface Labels {
  category: string;
  primaryStyle: string;
  secondaryStyle: string;
}

/** Returns the labels of the machine alone. */
export function machineLabels(item: ReviewItem): Labels {
  const found = item.result?.outcome.case === "classification" ? item.result.outcome.value : undefined;
  return {
    category: found?.category ?? "",
    primaryStyle: found?.primaryStyle ?? "",
    secondaryStyle: found?.secondaryStyle ?? "",
  };
}

/** Returns the labels in force. */
export function labelsOf(item: ReviewItem): Labels {
  const machine = machineLabels(item);
  const { correction } = item;
  return {
    category: correction?.category || machine.category,
    primaryStyle: correction?.primaryStyle || machine.primaryStyle,
    secondaryStyle: correction?.secondaryStyle || machine.secondaryStyle,
  };
}
