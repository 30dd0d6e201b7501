// Connect's protocol over fetch, in protobuf alone. The transport of @connectrpc/connect-web
// can speak JSON too, which would make pages larger by a tenth.

import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  appendHeaders,
  Code,
  ConnectError,
  createContextValues,
  type StreamRequest,
  type Transport,
  type UnaryRequest,
} from "@connectrpc/connect";
import {
  createEnvelopeReadableStream,
  createMethodUrl,
  encodeEnvelope,
  runStreamingCall,
  runUnaryCall,
} from "@connectrpc/connect/protocol";
import {
  endStreamFlag,
  endStreamFromJson,
  errorFromJson,
  requestHeader,
  trailerDemux,
  validateResponse,
} from "@connectrpc/connect/protocol-connect";

type Fetch = typeof globalThis.fetch;
type Request<I extends DescMessage, O extends DescMessage> = UnaryRequest<I, O> | StreamRequest<I, O>;

/** Returns a transport for unary calls and for streams of the server. */
export function createTransport(baseUrl: string, fetch: Fetch = (...call) => globalThis.fetch(...call)): Transport {
  return {
    unary(method, signal, timeoutMs, headers, message, contextValues) {
      const header = requestHeader(method.methodKind, true, timeoutMs, headers, false);
      return runUnaryCall({
        ...(signal && { signal }),
        ...(timeoutMs && { timeoutMs }),
        req: {
          stream: false,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: createMethodUrl(baseUrl, method),
          header,
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: async (req) => {
          const response = await post(fetch, req, toBinary(method.input, req.message));
          const [resHeader, trailer] = trailerDemux(response.headers);
          const { isUnaryError, unaryError } = validateResponse("unary", true, response.status, response.headers);
          if (isUnaryError) {
            throw errorFromJson(await response.json(), appendHeaders(resHeader, trailer), unaryError);
          }
          const bytes = new Uint8Array(await broken(response.arrayBuffer()));
          const answer = fromBinary(method.output, bytes);
          return { stream: false, service: method.parent, method, header: resHeader, trailer, message: answer };
        },
      });
    },

    stream(method, signal, timeoutMs, headers, input, contextValues) {
      const header = requestHeader(method.methodKind, true, timeoutMs, headers, false);
      return runStreamingCall({
        ...(signal && { signal }),
        ...(timeoutMs && { timeoutMs }),
        req: {
          stream: true,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: createMethodUrl(baseUrl, method),
          header,
          contextValues: contextValues ?? createContextValues(),
          message: input,
        },
        next: async (req) => {
          const { value } = await req.message[Symbol.asyncIterator]().next();
          const response = await post(fetch, req, encodeEnvelope(0, toBinary(method.input, value)));
          validateResponse(method.methodKind, true, response.status, response.headers);
          const trailer = new Headers();
          const message = messages(method.output, response, trailer);
          return { ...req, header: response.headers, trailer, message };
        },
      });
    },
  };
}

function post<I extends DescMessage, O extends DescMessage>(
  fetch: Fetch,
  req: Request<I, O>,
  body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const { url, header: headers, signal } = req;
  return broken(fetch(url, { method: "POST", redirect: "error", headers, signal, body }));
}

/** Yields the messages of a stream until its end, whose error it throws. */
async function* messages<O extends DescMessage>(
  type: O,
  response: Response,
  trailer: Headers,
): AsyncGenerator<MessageShape<O>, void> {
  const reader = createEnvelopeReadableStream(response.body ?? new ReadableStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await broken(reader.read());
      if (done) {
        throw new ConnectError("the stream ended without its last message", Code.Unavailable);
      }
      if ((value.flags & endStreamFlag) === endStreamFlag) {
        const { error, metadata } = endStreamFromJson(value.data);
        if (error !== undefined) {
          throw error;
        }
        metadata.forEach((text, key) => {
          trailer.append(key, text);
        });
        return;
      }
      yield fromBinary(type, value.data);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Reports what fetch throws without a connection, which is a TypeError, as UNAVAILABLE. */
async function broken<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw cause instanceof TypeError
      ? new ConnectError(cause.message, Code.Unavailable, undefined, undefined, cause)
      : cause;
  }
}
