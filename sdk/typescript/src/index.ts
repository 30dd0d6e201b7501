/**
 * Client of Credenza, a service that classifies furniture catalogues. This entry has all but a
 * transport: `connect` is in `credenza/node` and `credenza/web`.
 *
 * @packageDocumentation
 */
export type { ClientOptions } from "./call.js";
export type { Source } from "./chunks.js";
export { Client, type Connection } from "./client.js";
export { CredenzaError, type ErrorCode, type ErrorFacts, type FieldViolation } from "./error.js";
export { Item, type ItemFields } from "./item.js";
export type { JobListOptions, JobOptions, JobResultsOptions, Jobs } from "./jobs.js";
export type { Results } from "./results.js";
export type * from "./types.js";
export type { Watch, WatchOptions } from "./watch.js";
