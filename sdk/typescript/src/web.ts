/**
 * Credenza for browsers, and for all that has `fetch`.
 *
 * @packageDocumentation
 */
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { ClientOptions } from "./call.js";
import { Client } from "./client.js";

export * from "./index.js";

/** The settings of a client that uses `fetch`. */
export interface WebOptions extends ClientOptions {
  /** Default: `connect`, whose calls a browser's tools can show. */
  protocol?: "connect" | "grpc-web" | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Returns a client for the server at an address such as "https://credenza.example:8000", or at
 * the page's own. `fetch` cannot stream requests: what is classified goes in calls with a part
 * of the rows each, and a job in one message.
 */
export function connect(address: string = globalThis.location.origin, options: WebOptions = {}): Client {
  const create = options.protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  const transport = create({
    baseUrl: address.replace(/\/+$/, ""),
    useBinaryFormat: true,
    ...(options.fetch && { fetch: options.fetch }),
  });
  return new Client({ transport, duplex: false }, options);
}
