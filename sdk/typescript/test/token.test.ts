import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { connect } from "credenza/node";
import * as web from "credenza/web";
import { Server } from "./server.js";

const hashed = (token: string) => createHash("sha256").update(token).digest("hex");

let server: Server;
before(async () => {
  const file = Server.file(`callers:
  - {name: shop, sha256: ${hashed("shop-token")}, scopes: [classify], caps: {items_per_day: 3}}
  - {name: on-call, sha256: ${hashed("other-token")}, scopes: [classify, operate]}
`);
  server = await Server.start({ CREDENZA_TOKEN_FILE: file });
});
after(() => server.close());

test("calls without a token or with another one are UNAUTHENTICATED", async () => {
  for (const open of [
    () => connect(server.grpc),
    () => web.connect(server.http),
    () => connect(server.http, { token: "x" }),
  ]) {
    const client = open();
    await assert.rejects(client.taxonomy(), { code: "UNAUTHENTICATED" });
    await assert.rejects(client.classifyOne({ name: "x" }), { code: "UNAUTHENTICATED" });
    client.close();
  }
});

test("a token may be given, be in the environment, or come from a function", async () => {
  process.env.CREDENZA_TOKEN = "other-token";
  process.env.CREDENZA_SERVER = server.grpc;
  const clients = [
    connect(),
    connect(server.http, { protocol: "grpc-web", token: "other-token" }),
    web.connect(server.http, { token: async () => "other-token" }),
  ];
  delete process.env.CREDENZA_TOKEN;
  delete process.env.CREDENZA_SERVER;
  for (const client of clients) {
    assert.ok((await client.classifyOne({ name: "Oak bench" })).ok);
    client.close();
  }
});

test("a cap that is reached is named, with the time to wait", async () => {
  const client = connect(server.grpc, { token: "shop-token" });
  const count = async () => {
    for await (const _ of client.classify(Array.from({ length: 10 }, (_, i) => ({ name: `Oak bench ${i}` }))));
  };
  await assert.rejects(count(), (error: unknown) => {
    const { code, reason, cap, retryAfter } = error as Record<string, unknown>;
    assert.deepEqual([code, reason, cap], ["RESOURCE_EXHAUSTED", "CAP_REACHED", "items_per_day"]);
    assert.ok(typeof retryAfter === "number" && retryAfter > 0);
    return true;
  });
  client.close();
});

test("a token is not sent in the clear, nor one that cannot be a header", () => {
  for (const open of [connect, web.connect]) {
    assert.throws(() => open("http://credenza.example:8000", { token: "t" }), /without TLS/);
    open("http://credenza.example:8000", { token: "t", tokenOverPlaintext: true }).close();
    open("https://credenza.example:8000", { token: "t" }).close();
  }
  assert.throws(() => connect(server.grpc, { token: "line\n" }), /token/);
  connect("credenza.example:50051", { token: "t" }).close(); // TLS
});
