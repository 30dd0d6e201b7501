import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { Server } from "./server.js";

// The tools are the SDK's own, the bundle is made of what is installed here.
const tools = createRequire(join(process.env.CREDENZA_SDK ?? "", "package.json"));

interface Bundler {
  build(
    options: object,
  ): Promise<{ outputFiles: { text: string; contents: Uint8Array }[]; metafile: { inputs: object } }>;
}

async function bundle(source: string) {
  const esbuild = tools("esbuild") as Bundler;
  const { outputFiles, metafile } = await esbuild.build({
    stdin: { contents: source, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
  });
  const [file] = outputFiles;
  assert.ok(file);
  return { ...file, inputs: Object.keys(metafile.inputs) };
}

test("the web entry has less than 45 kB, and no code of the server's rules or of Node", async (t) => {
  const { text, contents, inputs } = await bundle(`export * from "credenza/web";`);
  const size = gzipSync(contents, { level: 9 }).length;
  t.diagnostic(`credenza/web: ${contents.length} bytes, ${size} gzipped`);
  assert.ok(size < 45_000, `${size} bytes`);
  assert.ok(!text.includes("buf.validate") && !text.includes("buf/validate"));
  assert.ok(inputs.every((path) => !path.includes("connect-node")));
});

// What the page runs. It is a page of another origin than the server's, with a token.
const page = `
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Client, connect } from "credenza/web";
const open = (server, protocol, options) => protocol === "connect" ? connect(server, options)
  : new Client({ transport: createGrpcWebTransport({ baseUrl: server, useBinaryFormat: true }), duplex: false }, options);
const rows = (count) => Array.from({ length: count }, (_, i) => ({ sku: "s" + i, title: i === 3 ? null : "Oak bench " + i, price: NaN }));
window.run = async (server, protocol, total) => {
  const client = open(server, protocol, { token: "page-token" });
  const job = await client.jobs.submit(rows(total), { name: "from a page" });
  const seen = new Array(total).fill(0);
  let reconnects = 0;
  const watch = client.jobs.watch(job.id, { onReconnect: () => reconnects++ });
  let results = 0;
  for await (const result of watch) {
    seen[result.index]++;
    if (++results === 100) await window.midWatch();
  }
  const listed = [];
  for await (const result of client.jobs.results(job.id, { withRows: true, pageSize: 500 })) listed.push(result);
  const classified = [];
  for await (const result of client.classify(rows(2500))) classified.push(result.index);
  let refused;
  try { await open(server, protocol).taxonomy(); } catch (error) { refused = error.code; }
  return {
    once: seen.every((times) => times === 1), total: watch.summary.total, reconnects, refused,
    listed: listed.length, row: listed.find(({ index }) => index === 4).row.cells,
    classified: new Set(classified).size,
  };
};`;

interface Browser {
  newPage(): Promise<{
    goto(url: string): Promise<unknown>;
    exposeFunction(name: string, f: () => unknown): Promise<void>;
    evaluate<T>(expression: string): Promise<T>;
    waitForFunction(expression: string): Promise<unknown>;
  }>;
  close(): Promise<void>;
}

let server: Server;
let pages: HttpServer;
let browser: Browser;

before(async () => {
  const sha256 = createHash("sha256").update("page-token").digest("hex");
  server = await Server.start({
    CREDENZA_TOKEN_FILE: Server.file(`- {name: page, sha256: ${sha256}, scopes: [classify]}\n`),
  });
  const { text } = await bundle(page);
  pages = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? text : '<!doctype html><script type="module" src="/page.js"></script>');
  }).listen(0, "127.0.0.1");
  await once(pages, "listening");
  const { chromium } = tools("playwright-core") as { chromium: { launch(options: object): Promise<Browser> } };
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  await browser?.close();
  pages?.close();
  await server?.close();
});

for (const protocol of ["connect", "grpc-web"]) {
  test(`a page in Chromium submits, watches and lists over ${protocol}, across a killed server`, async () => {
    const tab = await browser.newPage();
    let restarted: Promise<void> | undefined;
    await tab.exposeFunction("midWatch", async () => {
      await server.kill();
      restarted = sleep(200).then(() => server.restart());
    });
    await tab.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    await tab.waitForFunction("window.run");
    // So many that they do not fit between the server and the page: some are still to come at the kill.
    const run = `window.run(${JSON.stringify(server.http)}, ${JSON.stringify(protocol)}, 40000)`;
    const got = await tab.evaluate<Record<string, unknown>>(run);
    await restarted;
    assert.ok((got.reconnects as number) > 0);
    delete got.reconnects;
    assert.deepEqual(got, {
      once: true,
      total: 40000,
      refused: "UNAUTHENTICATED",
      listed: 40000,
      row: ["s4", "Oak bench 4", ""],
      classified: 2500,
    });
  });
}
