// What the README and docs/clients.md show runs as it is written.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Server } from "./server.js";

const sdk = process.env.CREDENZA_SDK ?? "";

/** Returns the blocks of a page that are of a language. */
function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(sdk, page), "utf8");
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(([, code]) => code ?? "");
}

let server: Server;
before(async () => {
  server = await Server.start();
});
after(() => server.close());

/** Runs a program and returns what it prints. */
async function run(program: string, ...args: string[]): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, CREDENZA_SERVER: server.grpc } });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      out += text;
    });
  }
  const [status] = await once(child, "close");
  assert.equal(status, 0, out);
  return out;
}

/** Runs a program of Node in the folder where the package is installed. */
async function runModule(name: string, code: string): Promise<string> {
  writeFileSync(`${name}.mjs`, code);
  return run(process.execPath, `${name}.mjs`);
}

const prelude = `const save = async (results, token) => console.log(results.length, token !== ""); const token = "";\n`;

test("the README's examples", async () => {
  const [catalogue = "", item = "", browser = "", jobs = "", errors = "", ...others] = blocks("README.md", "js");
  assert.deepEqual(others, []);
  assert.ok(catalogue.split("\n").filter((line) => line.trim() !== "").length <= 6, "the first one has six lines");
  const out = (await runModule("catalogue", catalogue)).trim().split("\n").sort();
  assert.match(out.join("\n"), /^0 SOFA\n1 LIGHTING\n2 the item has neither text nor a picture/);
  const start = `import { connect } from "credenza/node";\nconst client = connect(); const rows = [{ name: "Oak bench" }];\n${prelude}`;
  await runModule("item", item);
  assert.match(await runModule("jobs", start + jobs), /^1 true\n1$/m);
  await runModule("errors", start + errors);
  assert.match(browser, /credenza\/web/); // web.test.ts runs it in a browser
});

test("the programs of docs/clients.md", async () => {
  const out = await runModule("clients", prelude + blocks("../../docs/clients.md", "js").join("\n"));
  assert.match(out, /^0 SOFA$/m);
  assert.match(out, /^INVALID_ARGUMENT UNKNOWN_MODEL/m);
  assert.match(out, /^3 true\n2$/m);
});

test("the curl lines of docs/clients.md", async () => {
  const ended = `until curl -s localhost:8000/credenza.v1.JobService/GetJob -H 'content-type: application/json' -d '{"job_id": "'$id'"}' \\
    | grep -q SUCCEEDED; do sleep 0.1; done`;
  const lines = blocks("../../docs/clients.md", "sh")
    .join("\n")
    .replace(/^id=.*$/m, (line) => `${line}\n${ended}`) // else there may be no results yet
    .replaceAll("localhost:8000", new URL(server.http).host);
  const out = await run("bash", "-c", `set -euo pipefail\n${lines}`);
  for (const expected of [
    /"category": *"BED"/,
    /INVALID_ITEM/,
    /UNKNOWN_MODEL/,
    /"nextPageToken": *"[^"]/,
    /Two-seat sofa|Desk lamp/, // the page has two of three results, in any order
  ]) {
    assert.match(out, expected);
  }
});
