/**
 * Credenza for Node, over HTTP/2.
 *
 * @packageDocumentation
 */
import type { SecureClientSessionOptions } from "node:http2";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { ClientOptions } from "./call.js";
import { Client } from "./client.js";
import { checkTransportOf, isLoopback } from "./plaintext.js";

export * from "./index.js";

/** The settings of a client that uses HTTP/2. */
export interface NodeOptions extends ClientOptions {
  /** Default: `grpc`, at the server's gRPC or HTTP address. The others need the HTTP address. */
  protocol?: "grpc" | "grpc-web" | "connect" | undefined;
  /** Whether requests are compressed, and so gRPC's answers. Default: false. */
  gzip?: boolean | undefined;
  /** Settings of TLS, such as `ca`, `cert` and `key`. */
  tls?: SecureClientSessionOptions | undefined;
  /** Allows the token to be sent without TLS, for networks that encrypt by other means. */
  tokenOverPlaintext?: boolean | undefined;
  /** The largest message that is taken or sent, in bytes. Default: 64 MiB, like the server's. */
  maxMessageBytes?: number | undefined;
}

const transports = { grpc: createGrpcTransport, "grpc-web": createGrpcWebTransport, connect: createConnectTransport };

/**
 * Returns a client for a server such as "https://credenza.example:50051", or the one that
 * `CREDENZA_SERVER` names, else "localhost:50051". An address without "http://" or "https://"
 * means TLS, unless it is this machine's. The token is `CREDENZA_TOKEN` unless one is given.
 *
 * It does not wait for the server: if there is none, the first call fails as `UNAVAILABLE`.
 * An open connection does not keep the process alive; `close` ends it at once.
 */
export function connect(address?: string, options: NodeOptions = {}): Client {
  const url = urlOf(address ?? (process.env.CREDENZA_SERVER || "localhost:50051"));
  const token = options.token ?? (process.env.CREDENZA_TOKEN || undefined);
  if (token !== undefined && !options.tokenOverPlaintext) {
    checkTransportOf(url);
  }
  // Pings detect a server that vanished while a stream is quiet.
  const sessions = new Http2SessionManager(url.origin, { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 }, options.tls);
  const maxBytes = options.maxMessageBytes ?? 64 << 20;
  const transport = transports[options.protocol ?? "grpc"]({
    baseUrl: url.origin,
    httpVersion: "2",
    sessionManager: sessions,
    readMaxBytes: maxBytes,
    writeMaxBytes: maxBytes,
    acceptCompression: [compressionGzip],
    ...(options.gzip && { sendCompression: compressionGzip }),
  });
  return new Client({ transport, duplex: true, close: () => sessions.abort() }, { ...options, token });
}

function urlOf(address: string): URL {
  if (/^https?:\/\//i.test(address)) {
    return new URL(address);
  }
  const url = new URL(`https://${address}`);
  return isLoopback(url.hostname) ? new URL(`http://${address}`) : url;
}
