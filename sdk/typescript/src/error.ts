import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { millis } from "./time.js";

/** The canonical name of a gRPC code. */
export type ErrorCode =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** One part of a request that is wrong, and how. */
export interface FieldViolation {
  /** A path such as "options.batch_size". */
  readonly field: string;
  readonly message: string;
}

/** What is known of an error, apart from its message. */
export interface ErrorFacts {
  reason?: string;
  cap?: string;
  fields?: readonly FieldViolation[];
  retryAfter?: number;
  cause?: unknown;
}

/** The error of a call. An item's failure is no such error, but a result with `ok: false`. */
export class CredenzaError extends Error {
  override readonly name = "CredenzaError";
  /** The canonical name of the gRPC code, such as "INVALID_ARGUMENT". */
  readonly code: ErrorCode;
  /** The server's stable name, such as "TOO_MANY_ITEMS". Empty if the server did not answer. */
  readonly reason: string;
  /** The cap of the caller that is reached, if the reason is "CAP_REACHED". */
  readonly cap: string;
  /** The parts of the request that are wrong. */
  readonly fields: readonly FieldViolation[];
  /** How long to wait before the call is repeated, in milliseconds. `undefined`: not known. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.reason = facts.reason ?? "";
    this.cap = facts.cap ?? "";
    this.fields = facts.fields ?? [];
    this.retryAfter = facts.retryAfter;
  }

  /** Whether the same call may succeed later. */
  get passing(): boolean {
    return this.code === "UNAVAILABLE" || (this.retryAfter !== undefined && this.reason !== "CAP_REACHED");
  }
}

const codes: Record<Code, ErrorCode> = {
  [Code.Canceled]: "CANCELLED",
  [Code.Unknown]: "UNKNOWN",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "ALREADY_EXISTS",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.ResourceExhausted]: "RESOURCE_EXHAUSTED",
  [Code.FailedPrecondition]: "FAILED_PRECONDITION",
  [Code.Aborted]: "ABORTED",
  [Code.OutOfRange]: "OUT_OF_RANGE",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Internal]: "INTERNAL",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.DataLoss]: "DATA_LOSS",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
};

/**
 * Returns what a call threw as a CredenzaError. The caller's own signal explains any error
 * after it was aborted. Without it, a call that ends as Canceled or Aborted, or in the
 * middle of a message, has lost its connection: the server sends none of these. If its end,
 * in ms since the epoch, has come, that is the deadline's doing.
 */
export function errorFrom(thrown: unknown, signal?: AbortSignal, end = Number.POSITIVE_INFINITY): CredenzaError {
  if (thrown instanceof CredenzaError) {
    return thrown;
  }
  if (signal?.aborted) {
    return errorOfSignal(signal);
  }
  const error = ConnectError.from(thrown);
  const facts = factsOf(error);
  if (facts.reason === undefined && isBroken(error)) {
    if (Date.now() >= end - clockSkew) {
      return new CredenzaError("DEADLINE_EXCEEDED", "the deadline has passed", facts);
    }
    return new CredenzaError("UNAVAILABLE", `the connection broke: ${error.rawMessage}`, facts);
  }
  return new CredenzaError(codes[error.code] ?? "UNKNOWN", error.rawMessage, facts);
}

/** How much earlier than the caller the server may see a deadline pass, in ms. */
const clockSkew = 50;

function errorOfSignal(signal: AbortSignal): CredenzaError {
  const cause: unknown = signal.reason;
  return cause instanceof Error && cause.name === "TimeoutError"
    ? new CredenzaError("DEADLINE_EXCEEDED", "the signal's time is over", { cause })
    : new CredenzaError("CANCELLED", "the caller's signal was aborted", { cause });
}

function factsOf(error: ConnectError): ErrorFacts {
  const facts: ErrorFacts = { cause: error };
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info !== undefined) {
    facts.reason = info.reason;
    facts.cap = info.metadata.cap ?? "";
  }
  const [retry] = error.findDetails(RetryInfoSchema);
  if (retry?.retryDelay !== undefined) {
    facts.retryAfter = millis(retry.retryDelay);
  }
  const fields = error.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations);
  if (fields.length > 0) {
    facts.fields = fields.map(({ field, description }) => ({ field, message: description }));
  }
  return facts;
}

// What transports report when a connection ends in the middle of an answer, and what the
// fetch of browsers and Node says without a connection.
const cutOff = /missing (EndStreamResponse|trailer|status)|premature|unexpected end/i;
const fetchFailed = /fetch|network|load failed|input stream|terminated/i;

function isBroken(error: ConnectError): boolean {
  return (
    error.code === Code.Canceled ||
    error.code === Code.Aborted ||
    (error.cause instanceof TypeError && fetchFailed.test(error.cause.message)) ||
    cutOff.test(error.rawMessage)
  );
}

/** What Node says of a connection that was never made. Browsers do not tell it from one that broke. */
const unconnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** What Node says of a connection that was never made, and of one that broke, by the name of the system's call. */
const unreachable = new Set(["EHOSTUNREACH", "ENETUNREACH"]);

function isUnconnected(cause: Error): boolean {
  const { code, syscall } = cause as { code?: unknown; syscall?: unknown };
  return typeof code === "string" && (unconnected.has(code) || (unreachable.has(code) && syscall === "connect"));
}

/** Reports whether the server did nothing for a call, so that any call may be repeated. */
export function isRefused(error: CredenzaError): boolean {
  if (error.reason === "SERVER_FULL") {
    return true;
  }
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (isUnconnected(cause)) {
      return true;
    }
  }
  return false;
}
