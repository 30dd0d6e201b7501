import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { type Client, CredenzaError, connect, Item, type NodeOptions, type Result, type Source } from "credenza/node";
import * as web from "credenza/web";
import { Server } from "./server.js";

let server: Server;
before(async () => {
  server = await Server.start();
});
after(() => server.close());

const grpcWeb = () => createGrpcWebTransport({ baseUrl: server.http, useBinaryFormat: true });

function* products(count: number, onTake = (_: number) => {}) {
  for (let i = 0; i < count; i++) {
    onTake(i);
    yield new Item({ id: `p${i}`, productName: `Oak bench ${i}` });
  }
}

const transports: Record<string, (options?: NodeOptions) => Client> = {
  grpc: (options) => connect(server.grpc, options),
  "grpc with gzip": (options) => connect(server.grpc, { ...options, gzip: true }),
  "grpc at the HTTP address": (options) => connect(server.http, options),
  connect: (options) => connect(server.http, { ...options, protocol: "connect" }),
  "connect with gzip": (options) => connect(server.http, { ...options, protocol: "connect", gzip: true }),
  "grpc-web": (options) => connect(server.http, { ...options, protocol: "grpc-web" }),
  fetch: (options) => web.connect(server.http, options as web.WebOptions),
  "a transport of the caller's own": (options) => new web.Client({ transport: grpcWeb(), duplex: false }, options),
};

async function all(results: AsyncIterable<Result>): Promise<Result[]> {
  const list: Result[] = [];
  for await (const result of results) {
    list.push(result);
  }
  return list;
}

for (const [name, open] of Object.entries(transports)) {
  test(`classification over ${name}`, async (t) => {
    const client = open();
    t.after(() => client.close());

    await t.test("an item's failure is data, and every item has one result", async () => {
      const results = client.classify([
        new Item({ id: "a", productName: "Two-seat sofa", attributes: { material: "linen" } }),
        new Item({ id: "b" }),
        new Item({ id: "c", productName: "Desk lamp \ud800" }),
      ]);
      const byId = new Map((await all(results)).map((result) => [result.itemId, result]));
      const [sofa, empty] = [byId.get("a"), byId.get("b")];
      assert.ok(sofa?.ok && empty?.ok === false && byId.get("c")?.ok);
      assert.equal(sofa.classification.category, "SOFA");
      assert.equal(sofa.classification.confidenceSource, "LEXICON");
      assert.equal(sofa.trace.backend, "offline");
      assert.equal(empty.error.reason, "INVALID_ITEM");
      assert.equal(empty.error.retryable, false);
      assert.equal(results.summary?.total, 3);
      assert.deepEqual(results.summary?.failuresByReason, { INVALID_ITEM: 1 });
    });

    await t.test("a list, a generator and a stream, in order, with the places of the whole", async () => {
      async function* stream(count: number) {
        yield* products(count);
      }
      for (const source of [[...products(2500)], products(2500), stream(2500)] as Source[]) {
        const results = client.classify(source, { inOrder: true });
        const list = await all(results);
        assert.deepEqual(
          list.map(({ index, itemId }) => `${index} ${itemId}`),
          Array.from({ length: 2500 }, (_, i) => `${i} p${i}`),
        );
        assert.equal(results.summary?.succeeded, 2500);
      }
    });

    await t.test("batches have the progress of the whole", async () => {
      let done = 0;
      for await (const batch of client.classify([...products(2500)]).batches()) {
        done += batch.results.length;
        assert.equal(batch.progress.done, done);
      }
      assert.equal(done, 2500);
    });

    await t.test("a wrong setting fails the call, with the field", async () => {
      for (const source of [[{ name: "x" }], products(1)]) {
        await assert.rejects(all(client.classify(source, { batchSize: 5000 })), (error: unknown) => {
          assert.ok(error instanceof CredenzaError);
          assert.equal(error.code, "INVALID_ARGUMENT");
          assert.equal(error.reason, "INVALID_REQUEST");
          assert.match(error.fields[0]?.field ?? "", /options\.batch_size$/);
          return true;
        });
      }
    });

    await t.test("a loop that is left early stops the source", async () => {
      let taken = 0;
      for await (const _ of client.classify(
        products(1e9, (i) => {
          taken = i;
        }),
      )) {
        break;
      }
      await sleep(50);
      const then = taken;
      await sleep(100);
      assert.equal(taken, then);
    });

    await t.test("the caller's signal ends the call and the wait for its source", async () => {
      const reason = new Error("enough");
      const abort = new AbortController();
      let returned = false;
      async function* endless() {
        try {
          yield { name: "Oak bench" };
          await sleep(1e6, undefined, { signal: AbortSignal.timeout(2000) }).catch(() => {});
        } finally {
          returned = true;
        }
      }
      const results = client.classify(endless(), { signal: abort.signal });
      setTimeout(() => abort.abort(reason), 200);
      await assert.rejects(all(results), { name: "CredenzaError", code: "CANCELLED", cause: reason });
      assert.equal(returned, false); // a generator that waits cannot be stopped, and is not waited for
      await assert.rejects(all(client.classify([{ name: "x" }], { signal: abort.signal })), { code: "CANCELLED" });
    });

    await t.test("a deadline ends the call", async () => {
      async function* slow() {
        yield { name: "Oak bench" };
        await sleep(2000);
      }
      await assert.rejects(all(client.classify(slow(), { signal: AbortSignal.timeout(200) })), {
        code: "DEADLINE_EXCEEDED",
      });
      if (!name.startsWith("fetch") && !name.includes("own")) {
        // there, each part has the deadline
        await assert.rejects(all(client.classify(slow(), { timeout: 200 })), { code: "DEADLINE_EXCEEDED" });
      }
      await assert.rejects(all(client.classify([...products(2000)], { timeout: 1 })), { code: "DEADLINE_EXCEEDED" });
      await assert.rejects(client.taxonomy({ signal: AbortSignal.abort() }), { code: "CANCELLED" });
    });

    await t.test("the error of a source is the call's", async () => {
      const broken = new Error("the file is gone");
      function* failing() {
        yield* products(300);
        throw broken;
      }
      await assert.rejects(all(client.classify(failing())), broken);
    });

    await t.test("one item, and the taxonomy", async () => {
      const result = await client.classifyOne({ title: "Bed with storage, oak" });
      assert.ok(result.ok);
      assert.equal(result.classification.category, "BED");
      const { categories } = await client.taxonomy();
      assert.ok(categories.some((category) => category.name === "BED"));
    });
  });
}

test("results are iterated over once", async () => {
  const client = connect(server.grpc);
  const results = client.classify([{ name: "Oak bench" }]);
  await all(results);
  await assert.rejects(all(results), { code: "FAILED_PRECONDITION" });
  client.close();
});

test("a server that is away is UNAVAILABLE, and a short list waits for it", async () => {
  const other = await Server.start();
  await other.kill();
  const client = connect(other.grpc, { maxRetries: 0 });
  await assert.rejects(all(client.classify([{ name: "x" }])), { code: "UNAVAILABLE" });
  await assert.rejects(all(client.classify(products(1))), { code: "UNAVAILABLE" });
  await assert.rejects(all(web.connect(other.http, { maxRetries: 0 }).classify([{ name: "x" }])), {
    code: "UNAVAILABLE",
  });
  const patient = connect(other.grpc, { maxRetries: 10 });
  const results = all(patient.classify([{ name: "Oak bench" }]));
  const taxonomy = patient.taxonomy();
  await other.restart();
  assert.equal((await results)[0]?.ok, true);
  assert.ok((await taxonomy).version);
  client.close();
  patient.close();
  await other.close();
});

test("a part that breaks off before its first result is not sent again", async () => {
  let calls = 0;
  const client = web.connect(server.http, {
    fetch: async (url, init) => {
      calls++;
      const response = await fetch(url, init);
      await response.body?.cancel();
      throw new TypeError("fetch failed");
    },
  });
  await assert.rejects(all(client.classify([{ name: "x" }])), { code: "UNAVAILABLE" });
  assert.equal(calls, 1);
});

test("a part whose connection breaks because the network is gone is not sent again", async () => {
  let calls = 0;
  const client = web.connect(server.http, {
    fetch: async () => {
      calls++;
      const cause = Object.assign(new Error("read EHOSTUNREACH"), { code: "EHOSTUNREACH", syscall: "read" });
      throw new TypeError("fetch failed", { cause });
    },
  });
  await assert.rejects(all(client.classify([{ name: "x" }])), { code: "UNAVAILABLE" });
  assert.equal(calls, 1);
});

test("a mode that does not exist does not mean the default", async () => {
  const client = connect(server.grpc);
  for (const source of [[{ name: "Oak bench" }], products(1)]) {
    await assert.rejects(all(client.classify(source, { mode: "images" as "image" })), { code: "INVALID_ARGUMENT" });
  }
  client.close();
});

test("a part that is left before its first result is not sent again", async () => {
  let calls = 0;
  const never = (signal: AbortSignal | null | undefined) =>
    new Promise<Response>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const client = web.connect(server.http, {
    token: () => `token-${++calls}`,
    fetch: (url, init) => (calls === 1 ? fetch(url, init) : never(init?.signal)),
  });
  for await (const _ of client.classify(products(5000))) {
    if (calls === 2) {
      break;
    }
  }
  await sleep(1000); // the first repetition would come after 300 ms at most
  assert.equal(calls, 2);
});

for (const name of ["grpc", "connect"] as const) {
  test(`a feed of 50,000 rows over ${name} takes flat memory`, async () => {
    const client = transports[name]?.() as Client;
    const total = 50_000;
    let taken = 0;
    let ahead = 0;
    function* rows() {
      for (; taken < total; taken++) {
        yield {
          sku: taken,
          name: `Oak bench ${taken}`,
          price: taken % 3 ? taken / 7 : Number.NaN,
          notes: "solid ".repeat(40),
        };
      }
    }
    const seen = new Uint8Array(total);
    const heap: number[] = [];
    let results = 0;
    for await (const result of client.classify(rows())) {
      assert.ok(result.ok);
      seen[result.index] = (seen[result.index] ?? 0) + 1;
      ahead = Math.max(ahead, taken - results);
      if (++results % 5000 === 0) {
        globalThis.gc?.();
        heap.push(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers);
      }
    }
    assert.ok(seen.every((times) => times === 1));
    const growth = (heap.at(-1) ?? 0) - (heap[1] ?? 0);
    assert.ok(growth < 8e6, `${growth} bytes more after 50,000 than after 10,000 rows`);
    assert.ok(ahead < 20_000, `the source was ${ahead} rows ahead`);
    client.close();
  });
}
