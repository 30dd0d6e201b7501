// Calls to the server that this page comes from. Each is a call of the public contract.

import { type CallOptions, createClient } from "@connectrpc/connect";
import { Caller } from "../../../sdk/typescript/src/call.js";
import { CredenzaError, errorFrom } from "../../../sdk/typescript/src/error.js";
import { createTransport } from "../../../sdk/typescript/src/fetch.js";
import { ClassificationService } from "../../../sdk/typescript/src/gen/credenza/v1/classification_service_pb.js";
import { JobService } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { OperationsService } from "../../../sdk/typescript/src/gen/credenza/v1/operations_service_pb.js";
import { ReviewService } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { askForToken, currentToken } from "./session.js";

/** The address of the server: the page is in its folder "ui". */
export const base = new URL("..", document.baseURI).href.replace(/\/+$/, "");

const transport = createTransport(base);
export const classification = createClient(ClassificationService, transport);
export const jobs = createClient(JobService, transport);
export const review = createClient(ReviewService, transport);
export const operations = createClient(OperationsService, transport);

let caller = new Caller({});
let tokenOfCaller: string | undefined;

function callerInForce(): Caller {
  const token = currentToken();
  if (token !== tokenOfCaller) {
    tokenOfCaller = token;
    caller = new Caller({ token });
  }
  return caller;
}

/** The settings of a call. */
export interface Settings {
  signal?: AbortSignal | undefined;
  /** Whether the call may be repeated if the server is away. Default: true. */
  safe?: boolean;
}

/** Makes a call that is no stream. If the server wants a token, it is asked for, and the call made again. */
export async function call<T>(make: (options: CallOptions) => Promise<T>, settings: Settings = {}): Promise<T> {
  const { signal, safe = true } = settings;
  return withToken(() => callerInForce().unary({ signal }, safe, make));
}

/** Yields the messages of a stream of the server. */
export async function* stream<T>(make: (options: CallOptions) => AsyncIterable<T>, signal: AbortSignal) {
  const messages = await withToken(async () => {
    const options = await callerInForce().stream({}, signal);
    const iterator = make(options)[Symbol.asyncIterator]();
    return { iterator, first: await iterator.next() };
  });
  let next = messages.first;
  while (!next.done) {
    yield next.value;
    next = await messages.iterator.next().catch((thrown) => {
      throw errorFrom(thrown, signal);
    });
  }
}

async function withToken<T>(make: () => Promise<T>): Promise<T> {
  for (;;) {
    const used = currentToken();
    try {
      return await make();
    } catch (thrown) {
      const error = errorFrom(thrown);
      if (error.code !== "UNAUTHENTICATED") {
        throw error;
      }
      await askForToken(used);
    }
  }
}

/** Whether an error is that of a call which the page itself gave up. */
export function isCancelled(error: unknown): boolean {
  return error instanceof CredenzaError && error.code === "CANCELLED";
}

/** Returns what a person should read of an error. */
export function messageOf(error: unknown): string {
  if (!(error instanceof CredenzaError)) {
    return error instanceof Error ? error.message : String(error);
  }
  if (error.code === "UNAVAILABLE" && error.reason === "") {
    return "The server does not answer.";
  }
  const fields = error.fields.map(({ field, message }) => `${field}: ${message}`).join("; ");
  return capitalised(fields ? `${error.message} (${fields})` : error.message);
}

/** Returns a message of the server as a sentence begins. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export { CredenzaError };
