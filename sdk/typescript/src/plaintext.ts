// Tokens stay on this machine unless the way to the server is encrypted.

import { CredenzaError } from "./error.js";

/** Throws an error if a token would be sent to another machine without TLS. */
export function checkTransportOf(server: URL): void {
  if (server.protocol === "http:" && !isLoopback(server.hostname)) {
    throw new CredenzaError(
      "INVALID_ARGUMENT",
      "the token would be sent without TLS: use an https address, or set tokenOverPlaintext",
    );
  }
}

/** Reports whether a host of an address is this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
