// Measures items/s of the SDK next to generated stubs alone, over gRPC against an offline
// server. Both send the same items in chunks of the same size and read every result; they
// take turns, and the best of each counts.
//
//     CREDENZA_BIN=../../.bin/credenza node bench/bench.mjs [items]
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ClassificationService } from "../dist/gen/credenza/v1/classification_service_pb.js";
import { ItemSchema } from "../dist/gen/credenza/v1/item_pb.js";
import { connect, Item } from "../dist/node.js";

const count = Number(process.argv[2] ?? 50_000);
const rounds = 5;
const grpc = "127.0.0.1:21051";
const http = "127.0.0.1:21080";

const fields = (i) => ({ id: `p${i}`, productName: `Oak bench ${i}`, description: "A bench of solid oak, oiled" });

async function raw() {
  const client = createClient(ClassificationService, createGrpcTransport({ baseUrl: `http://${grpc}` }));
  async function* requests() {
    yield { part: { case: "spec", value: { options: { batchSize: 100 } } } };
    for (let i = 0; i < count; ) {
      const items = [];
      for (const end = Math.min(count, i + 200); i < end; i++) {
        items.push(create(ItemSchema, fields(i)));
      }
      yield { part: { case: "items", value: { items } } };
    }
  }
  let results = 0;
  for await (const { event } of client.classifyFeed(requests())) {
    if (event.case === "batch") {
      for (const result of event.value.results) {
        results += result.outcome.case === "classification" ? 1 : 0;
      }
    }
  }
  return results;
}

async function withSdk(source) {
  const client = connect(grpc);
  let results = 0;
  for await (const result of client.classify(source)) {
    results += result.ok ? 1 : 0;
  }
  client.close();
  return results;
}

function* items() {
  for (let i = 0; i < count; i++) {
    yield new Item(fields(i));
  }
}

function* rows() {
  for (let i = 0; i < count; i++) {
    const { id, productName, description } = fields(i);
    yield { sku: id, name: productName, description };
  }
}

const ways = {
  "generated stubs": raw,
  "SDK, items": () => withSdk(items()),
  "SDK, rows": () => withSdk(rows()),
};

const data = mkdtempSync(join(tmpdir(), "credenza-bench-"));
const server = spawn(process.env.CREDENZA_BIN, ["serve", `--grpc-addr=${grpc}`, `--http-addr=${http}`], {
  env: { ...process.env, CREDENZA_BACKEND: "offline", CREDENZA_DATA_DIR: data },
  stdio: "ignore",
});
try {
  while (!(await fetch(`http://${http}/readyz`).catch(() => undefined))?.ok) {
    await sleep(100);
  }
  const best = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const start = performance.now();
      const cpu = process.cpuUsage();
      const results = await way();
      const { user, system } = process.cpuUsage(cpu);
      if (results !== count) {
        throw new Error(`${name}: ${results} results for ${count} items`);
      }
      const rate = count / ((performance.now() - start) / 1000);
      const spent = (user + system) / count;
      if (round > 0) {
        // the first one warms up
        best[name] = { rate: Math.max(rate, best[name]?.rate ?? 0), cpu: Math.min(spent, best[name]?.cpu ?? Infinity) };
      }
    }
  }
  for (const [name, { rate, cpu }] of Object.entries(best)) {
    const share = (100 * rate) / best["generated stubs"].rate;
    console.log(
      `${name.padEnd(16)} ${rate.toFixed(0).padStart(8)} items/s  ${share.toFixed(0).padStart(4)} %  ${cpu.toFixed(1)} µs of CPU an item`,
    );
  }
} finally {
  server.kill("SIGKILL");
  rmSync(data, { recursive: true, force: true });
}
