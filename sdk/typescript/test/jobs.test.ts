import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { type Client, CredenzaError, connect, Item, type Job, type Result } from "credenza/node";
import * as web from "credenza/web";
import { Server } from "./server.js";

let server: Server;
before(async () => {
  server = await Server.start();
});
after(() => server.close());

const grpcWeb = () => createGrpcWebTransport({ baseUrl: server.http, useBinaryFormat: true });

function* products(count: number) {
  for (let i = 0; i < count; i++) {
    yield new Item({ id: `p${i}`, productName: `Oak bench ${i}`, description: "A bench of solid oak" });
  }
}

for (const protocol of ["grpc", "connect", "grpc-web"] as const) {
  test(`a watch over ${protocol} outlives a killed server, and each result comes once`, async () => {
    const client = connect(protocol === "grpc" ? server.grpc : server.http, { protocol });
    const total = 20_000;
    const job = await client.jobs.submit(products(total), { name: "killed" });
    const seen = new Uint8Array(total);
    const errors: string[] = [];
    const abort = new AbortController();
    const watch = client.jobs.watch(job.id, {
      signal: abort.signal,
      onReconnect: (_, error) => errors.push(error.code),
    });
    let results = 0;
    for await (const result of watch) {
      seen[result.index] = (seen[result.index] ?? 0) + 1;
      if (++results === 1000) {
        await server.kill();
        sleep(300)
          .then(() => server.restart())
          .catch((error) => abort.abort(error));
      }
    }
    assert.ok(errors.length > 0, "the watch did not notice");
    assert.ok(
      errors.every((code) => code === "UNAVAILABLE"),
      errors.join(),
    );
    assert.ok(seen.every((times) => times === 1));
    assert.equal(watch.summary?.succeeded, total);
    client.close();
  });
}

const clients: Record<string, () => Client> = {
  grpc: () => connect(server.grpc),
  connect: () => connect(server.http, { protocol: "connect" }),
  fetch: () => web.connect(server.http),
  "a transport of the caller's own": () => new web.Client({ transport: grpcWeb(), duplex: false }),
};

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const entries: T[] = [];
  for await (const entry of list) {
    entries.push(entry);
  }
  return entries;
}

function rows(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    sku: `s${i}`,
    title: i === 3 ? null : `Oak bench ${i}`,
    price: Number.NaN,
  }));
}

for (const [name, open] of Object.entries(clients)) {
  test(`jobs over ${name}`, async (t) => {
    const client = open();
    t.after(() => client.close());
    const { jobs } = client;
    const requestId = `request-${name}`;
    let job: Job;

    await t.test("the same key returns the same job", async () => {
      job = await jobs.submit(rows(50), { name: "Spring", requestId, batchSize: 10 });
      assert.equal(job.name, "Spring");
      assert.equal(job.progress.total, 50);
      assert.ok(job.created instanceof Date);
      assert.equal((await jobs.submit(rows(1), { requestId })).id, job.id);
    });

    await t.test("rows that need no list", async () => {
      async function* stream() {
        yield* rows(2500);
      }
      for (const source of [rows(2500), rows(2500).values(), stream()]) {
        const { id, progress } = await jobs.submit(source);
        assert.equal(progress.total, 2500);
        await jobs.delete(id);
      }
    });

    await t.test("another watch continues at the token", async () => {
      const seen: number[] = [];
      const first = jobs.watch(job.id);
      for await (const batch of first.batches()) {
        seen.push(...batch.results.map((result) => result.index));
        if (seen.length >= 20) {
          break;
        }
      }
      const second = jobs.watch(job.id, { token: first.token });
      seen.push(...(await all(second)).map((result) => result.index));
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        rows(50).map((_, i) => i),
      );
      assert.equal(second.summary?.total, 50);
      assert.equal((await jobs.get(job.id)).state, "SUCCEEDED");
    });

    await t.test("a loop over results keeps the token of the last batch that was taken", async () => {
      const watch = jobs.watch(job.id);
      let taken = 0;
      for await (const _ of watch) {
        if (++taken === 15) {
          break;
        }
      }
      const rest = await all(jobs.watch(job.id, { token: watch.token }));
      assert.equal(rest.length, 40);
    });

    await t.test("results page by page, filtered, with their rows", async () => {
      const results = await all(jobs.results(job.id, { pageSize: 7, withRows: true }));
      assert.equal(results.length, 50);
      const result = results.find(({ index }) => index === 4) as Result;
      assert.deepEqual(result.row, { columns: ["sku", "title", "price"], cells: ["s4", "Oak bench 4", ""] });
      const failed = await all(jobs.results(job.id, { filter: "failed" }));
      assert.deepEqual(
        failed.map((r) => `${r.itemId} ${r.ok ? "" : r.error.reason}`),
        results.filter((r) => !r.ok).map((r) => `${r.itemId} ${r.ok ? "" : r.error.reason}`),
      );
      assert.deepEqual(
        await all(jobs.results(job.id, { filter: "needs_review" })),
        results
          .filter((r) => r.ok && r.classification.needsReview)
          .map(({ row: _, ...r }) => ({ ...r, row: undefined })),
      );
    });

    await t.test("lists", async () => {
      assert.ok((await all(jobs.list({ pageSize: 2 }))).some(({ id }) => id === job.id));
      assert.ok((await all(jobs.list({ state: "RUNNING" }))).every(({ id }) => id !== job.id));
    });

    await t.test("pausing, resuming and cancelling", async () => {
      const long = await jobs.submit(products(20_000));
      const paused = await jobs.pause(long.id, { reason: "too early" });
      assert.equal(paused.state, "PAUSED");
      assert.match(paused.message, /too early/);
      assert.notEqual((await jobs.resume(long.id)).state, "PAUSED");
      assert.equal((await jobs.cancel(long.id)).state, "CANCELLED");
      await assert.rejects(jobs.pause(long.id), { code: "FAILED_PRECONDITION" });
      await assert.rejects(jobs.retry(job.id), { code: "FAILED_PRECONDITION" }); // no item may succeed later
      await jobs.delete(long.id);
      await assert.rejects(jobs.delete(long.id), { code: "NOT_FOUND" });
    });

    await t.test("errors name what is wrong", async () => {
      await assert.rejects(all(jobs.watch("none")), { code: "NOT_FOUND" });
      await assert.rejects(jobs.submit([]), { code: "INVALID_ARGUMENT" });
      await assert.rejects(jobs.submit(rows(3), { name: "n".repeat(300) }), (error: unknown) => {
        assert.ok(error instanceof CredenzaError);
        assert.match(error.fields[0]?.field ?? "", /display_name/);
        return true;
      });
    });
  });
}

test("a watch ends when its patience or its time does", async () => {
  const other = await Server.start();
  const client = connect(other.grpc);
  const job = await client.jobs.submit(rows(5));
  await other.kill();
  await assert.rejects(all(client.jobs.watch(job.id, { patience: 300 })), { code: "UNAVAILABLE" });
  await assert.rejects(all(client.jobs.watch(job.id, { timeout: 300 })), { code: "UNAVAILABLE" });
  await assert.rejects(all(client.jobs.watch(job.id, { signal: AbortSignal.timeout(300) })), {
    code: "DEADLINE_EXCEEDED",
  });
  client.close();
  await other.close();
});

test("a watch whose time ends in an attempt keeps the outage's error", async () => {
  let connections = 0;
  const silent = createServer((socket) => {
    socket.on("error", () => undefined);
    if (++connections === 1) {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`);
  await assert.rejects(all(client.jobs.watch("one", { timeout: 800 })), { code: "UNAVAILABLE" });
  assert.ok(connections > 1);
  await assert.rejects(all(client.jobs.watch("one", { timeout: 300 })), { code: "DEADLINE_EXCEEDED" });
  client.close();
  silent.close();
});

test("closing the client ends its watches", async () => {
  const client = connect(server.grpc);
  const { id } = await client.jobs.submit(products(20_000));
  await client.jobs.pause(id);
  const watching = all(client.jobs.watch(id));
  setTimeout(() => client.close(), 300);
  await assert.rejects(watching, { code: "CANCELLED" });
  await assert.rejects(client.taxonomy(), { code: "CANCELLED" });
});

test("a state or a filter that does not exist does not mean all", async () => {
  const client = connect(server.grpc);
  await assert.rejects(all(client.jobs.list({ state: "failed" as "FAILED" })), { code: "INVALID_ARGUMENT" });
  await assert.rejects(all(client.jobs.results("x", { filter: "FAILED" as "failed" })), /use one of all, failed/);
  client.close();
});

test("an upload that is given up leaves no job", async () => {
  const client = connect(server.grpc);
  const broken = new Error("the file is gone");
  function* failing() {
    yield* products(3000);
    throw broken;
  }
  async function* slow() {
    yield* products(3000);
    await sleep(3000);
  }
  const before = (await all(client.jobs.list())).length;
  for (let i = 0; i < 20; i++) {
    await assert.rejects(client.jobs.submit(failing()), broken);
  }
  await assert.rejects(client.jobs.submit(slow(), { timeout: 300 }), { code: "DEADLINE_EXCEEDED" });
  await assert.rejects(client.jobs.submit(products(1e9), { timeout: 300 }), { code: "DEADLINE_EXCEEDED" });
  for (const source of [slow(), products(1e9)]) {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    await assert.rejects(client.jobs.submit(source, { signal: abort.signal }), { code: "CANCELLED" });
  }
  assert.equal((await all(client.jobs.list())).length, before);
  client.close();
});
