// Names of the contract as people read them.

import { ErrorReason } from "../../../sdk/typescript/src/gen/credenza/v1/result_pb.js";
import { ReviewState } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";

/** Writes a name such as "SHABBY_CHIC" as "Shabby chic". Names with small letters stay as they are. */
export function readable(name: string): string {
  if (name !== name.toUpperCase()) {
    return name;
  }
  const words = name.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Returns the name of a reason without its prefix, such as "REFUSED". */
export function reasonName(reason: ErrorReason): string {
  return ErrorReason[reason] ?? "UNKNOWN";
}

/** Returns the reason of a name without its prefix. `undefined`: this page does not know it. */
export function reasonOf(name: string): ErrorReason | undefined {
  const reason: unknown = ErrorReason[name as keyof typeof ErrorReason];
  return typeof reason === "number" ? reason : undefined;
}

/** Writes the state of a review. */
export function stateName(state: ReviewState): string {
  switch (state) {
    case ReviewState.ACCEPTED:
      return "Accepted";
    case ReviewState.CORRECTED:
      return "Corrected";
    default:
      return "Unchecked";
  }
}
