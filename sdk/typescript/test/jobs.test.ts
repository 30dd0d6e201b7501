import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, Item } from "credenza/node";
import { Server } from "./server.js";

let server: Server;
before(async () => {
  server = await Server.start();
});
after(() => server.close());

function* products(count: number) {
  for (let i = 0; i < count; i++) {
    yield new Item({ id: `p${i}`, productName: `Oak bench ${i}`, description: "A bench of solid oak" });
  }
}

for (const protocol of ["grpc", "connect", "grpc-web"] as const) {
  test(`a watch over ${protocol} outlives a killed server, and each result comes once`, async () => {
    const client = connect(protocol === "grpc" ? server.grpc : server.http, { protocol });
    const total = 30_000;
    const job = await client.jobs.submit(products(total), { name: "killed" });
    const seen = new Uint8Array(total);
    const errors: string[] = [];
    const watch = client.jobs.watch(job.id, { onReconnect: (_, error) => errors.push(error.code) });
    let results = 0;
    for await (const result of watch) {
      seen[result.index] = (seen[result.index] ?? 0) + 1;
      if (++results === 1000) {
        await server.kill();
        setTimeout(() => server.restart(), 300);
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
