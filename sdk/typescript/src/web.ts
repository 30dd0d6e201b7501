/**
 * Credenza for browsers, and for all that has `fetch`.
 *
 * @packageDocumentation
 */
import type { ClientOptions } from "./call.js";
import { Client } from "./client.js";
import { createTransport } from "./fetch.js";
import { checkTransportOf } from "./plaintext.js";

export * from "./index.js";

/** The settings of a client that uses `fetch`. */
export interface WebOptions extends ClientOptions {
  /** Allows the token to be sent without TLS, for networks that encrypt by other means. */
  tokenOverPlaintext?: boolean | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Returns a client for the server at an address such as "https://credenza.example:8000", or at
 * the page's own. It speaks Connect's protocol; another, such as gRPC-Web, needs a transport of
 * the caller's own, in `new Client({ transport, duplex: false })`.
 *
 * `fetch` cannot stream requests: what is classified goes in calls with a part of the rows
 * each, and a job in one message.
 */
export function connect(address: string = globalThis.location.origin, options: WebOptions = {}): Client {
  if (options.token !== undefined && !options.tokenOverPlaintext) {
    checkTransportOf(new URL(address, globalThis.location?.href));
  }
  const transport = createTransport(address.replace(/\/+$/, ""), options.fetch);
  return new Client({ transport, duplex: false }, options);
}
