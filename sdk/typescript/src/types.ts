/**
 * The evidence that items are classified by: their text, their picture, or the picture if
 * an item has one, else the text.
 */
export type Mode = "auto" | "text" | "image";

/**
 * The use of earlier results: "use" reads, shares and keeps them, "refresh" asks the model
 * again and keeps the answer, "bypass" neither reads, shares nor keeps.
 */
export type CachePolicy = "use" | "refresh" | "bypass";

/** The settings of one call to the server. All durations are in milliseconds. */
export interface CallOptions {
  /** Ends the call when it is aborted; the error has the code `CANCELLED`. */
  signal?: AbortSignal | undefined;
  /** How long the call may take, repetitions included. The error has the code `DEADLINE_EXCEEDED`. */
  timeout?: number | undefined;
}

/** The settings of a call that classifies. */
export interface ClassifyOptions extends CallOptions {
  /** Default: "auto". */
  mode?: Mode | undefined;
  /** Results in a batch, at most 1,000. Default: 100, and in order the server's own size. */
  batchSize?: number | undefined;
  /** Whether results come in the order of the items, so that a slow item delays those after it. */
  inOrder?: boolean | undefined;
  /** Whether interactive calls go first. Those of jobs always do. */
  bulk?: boolean | undefined;
  /** Default: "use". */
  cache?: CachePolicy | undefined;
  /** Whether an item without a usable picture fails in place of being answered from its text. */
  failWithoutPicture?: boolean | undefined;
  /** One of the models that the server is configured for. Default: the configured one. */
  model?: string | undefined;
  /** How long an item may take, waiting included, in milliseconds. Default: 2 minutes. */
  itemTimeout?: number | undefined;
}

/** The settings of a call that takes rows. */
export interface RowOptions {
  /**
   * The column that fills a field, such as `{ productName: "Titel" }`; with `""`, no column
   * fills it. Without this, the server goes by the names and values of the columns.
   */
  columns?: Readonly<Record<string, string>> | undefined;
  /**
   * All keys that rows may have, in order. Only needed for rows that come from a generator
   * or a stream if the first ones lack some: a key that comes later fails the call. Of an
   * array, all rows are looked at.
   */
  header?: readonly string[] | undefined;
}

/** A notice that the model's server does not answer, or that it does again. For people. */
export interface Notice {
  readonly kind: "UPSTREAM_AWAY" | "UPSTREAM_BACK" | "UNKNOWN";
  /** One line, such as "the model at llm.internal:8080 does not answer, trying on". */
  readonly message: string;
  /** The server's host, with its port if it has one. */
  readonly host: string;
  /** When the first call failed. */
  readonly since?: Date | undefined;
}

/** The settings of a call that streams results. */
export interface StreamOptions extends ClassifyOptions, RowOptions {
  /** Called for each notice that comes between results. */
  onNotice?: ((notice: Notice) => void) | undefined;
}

/** Why an item has no classification; the contract's `ErrorReason` says what each means. */
export type ErrorReason =
  | "INVALID_ITEM"
  | "IMAGE_UNREACHABLE"
  | "IMAGE_FORBIDDEN"
  | "IMAGE_TOO_LARGE"
  | "IMAGE_UNSUPPORTED"
  | "NO_IMAGE_FOUND"
  | "RATE_LIMITED"
  | "QUOTA_EXHAUSTED"
  | "UPSTREAM_AUTH"
  | "UPSTREAM_REJECTED"
  | "UPSTREAM_UNAVAILABLE"
  | "UPSTREAM_TIMEOUT"
  | "MALFORMED_ANSWER"
  | "REFUSED"
  | "DEADLINE_EXCEEDED"
  | "INTERNAL"
  | "UNKNOWN";

/** The source of a confidence. Only log-probabilities are close to a probability. */
export type ConfidenceSource = "LOGPROBS" | "MODEL" | "LEXICON" | "NONE" | "UNKNOWN";

/** What an answer is based on. */
export type Evidence = "PICTURE" | "TEXT" | "UNKNOWN";

/** Why an item has no classification, or why its picture was not used. It is data, not thrown. */
export interface ItemError {
  readonly reason: ErrorReason;
  /** What happened and what can be done, for people. */
  readonly message: string;
  /** Whether the same item may succeed later without being changed. */
  readonly retryable: boolean;
  /** How long to wait before that, in milliseconds. `undefined`: not known. */
  readonly retryAfter?: number | undefined;
  /** The kind of failure in a few words, for counting. Empty if the reason says all. */
  readonly summary: string;
}

/** A category that an answer might have been. */
export interface Alternative {
  readonly category: string;
  /** From 0 to 1. */
  readonly probability: number;
}

/** How a result was made. */
export interface Trace {
  /** Calls to the model made for the item. */
  readonly attempts: number;
  readonly cached: boolean;
  readonly deduplicated: boolean;
  readonly backend: string;
  readonly model: string;
  /** In milliseconds. */
  readonly queueTime: number;
  /** In milliseconds. */
  readonly latency: number;
  readonly promptTokens: number;
  /** Part of `promptTokens`. */
  readonly cachedPromptTokens: number;
  /** Part of `promptTokens`. */
  readonly cacheWriteTokens: number;
  readonly completionTokens: number;
  /** Part of `completionTokens`. */
  readonly reasoningTokens: number;
  readonly taxonomyVersion: string;
  readonly promptVersion: string;
  /** Whether the end of a description over its limit was cut off. */
  readonly descriptionCut: boolean;
}

/** A row as it was sent, for results of jobs that were created from rows. */
export interface StoredRow {
  readonly columns: readonly string[];
  readonly cells: readonly string[];
}

/** What both kinds of results have. */
export interface ResultBase {
  /** The item's place in the call, from 0. */
  readonly index: number;
  /** The caller's own key of the item. */
  readonly itemId: string;
  readonly productName: string;
  /** Why the picture was not used, if the item was classified by its text instead. */
  readonly imageError?: ItemError | undefined;
  readonly trace: Trace;
  /** Only in pages of a job's results, with `withRows`. */
  readonly row?: StoredRow | undefined;
}

/** The category, styles and tags of an item. */
export interface Classification {
  readonly category: string;
  /** From 0 to 1; 0 if it is not known. */
  readonly confidence: number;
  readonly confidenceSource: ConfidenceSource;
  /** Empty if the taxonomy has no styles. */
  readonly primaryStyle: string;
  readonly secondaryStyle?: string | undefined;
  readonly styleTags: readonly string[];
  readonly placementTags: readonly string[];
  readonly reasoning: string;
  readonly evidence: Evidence;
  /** Whether the confidence is under the server's threshold, or not known. */
  readonly needsReview: boolean;
  /** The likeliest categories, the most likely first. Empty if the source gives none. */
  readonly alternatives: readonly Alternative[];
}

/** The result of an item that was classified. */
export interface Success extends ResultBase {
  readonly ok: true;
  readonly classification: Classification;
}

/** The result of an item that failed. It affects no other item. */
export interface Failure extends ResultBase {
  readonly ok: false;
  readonly error: ItemError;
}

/** The result of one item: `ok` says which of the two it is. */
export type Result = Success | Failure;

/** The state of a call after a batch. */
export interface Progress {
  /** Items with a result so far, failed ones included. */
  readonly done: number;
  readonly failed: number;
  /** 0 while that is not known, as for rows without end. */
  readonly total: number;
}

/** A group of results, as the server sends them. */
export interface Batch {
  /** From 1, in the order of sending. */
  readonly id: number;
  /** `text_multithreaded` or `image_multithreaded`. */
  readonly processingType: string;
  readonly results: readonly Result[];
  readonly time?: Date | undefined;
  readonly progress: Progress;
}

/** The counts of a call at its end. */
export interface Summary {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly failuresByReason: Readonly<Record<string, number>>;
  readonly cached: number;
  readonly deduplicated: number;
  readonly upstreamCalls: number;
  readonly promptTokens: number;
  readonly cachedPromptTokens: number;
  readonly cacheWriteTokens: number;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
  /** In milliseconds. */
  readonly elapsed: number;
  readonly peakConcurrency: number;
}

/** A kind of furniture. */
export interface Category {
  readonly name: string;
  readonly description: string;
  readonly placements: readonly string[];
}

/** A style of furniture. */
export interface Style {
  readonly name: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly palette: readonly string[];
  readonly tags: readonly string[];
}

/** The categories and styles in force. */
export interface Taxonomy {
  readonly version: string;
  readonly categories: readonly Category[];
  readonly styles: readonly Style[];
}

/** The state of a job. `SUCCEEDED`, `CANCELLED` and `FAILED` are final. */
export type JobState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "CANCELLED" | "FAILED" | "PAUSED" | "UNKNOWN";

/** A catalogue that the server classifies in the background. */
export interface Job {
  readonly id: string;
  /** The caller's name for it. */
  readonly name: string;
  readonly state: JobState;
  /** Its total is always known. */
  readonly progress: Progress;
  readonly failuresByReason: Readonly<Record<string, number>>;
  readonly created?: Date | undefined;
  /** `undefined`: no server has started it. */
  readonly started?: Date | undefined;
  /** `undefined`: it has not ended. */
  readonly ended?: Date | undefined;
  /** Why it does not progress, or why it failed, for people. Mostly empty. */
  readonly message: string;
  /** The job that this one retries. Empty: none. */
  readonly retryOf: string;
  /**
   * Tokens of all questions so far. With a token file this and `completionTokens` are 0 for
   * callers without the scope `operate`.
   */
  readonly promptTokens: number;
  /** Tokens of all answers so far. */
  readonly completionTokens: number;
}
