import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Server } from "./server.js";

const readme = readFileSync(join(process.env.CREDENZA_SDK ?? "", "README.md"), "utf8");
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code ?? "");

/** Runs a program in the folder where the package is installed, and returns what it prints. */
async function run(name: string, code: string, server: Server): Promise<string> {
  writeFileSync(`${name}.mjs`, code);
  const child = spawn(process.execPath, [`${name}.mjs`], { env: { ...process.env, CREDENZA_SERVER: server.grpc } });
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    out += text;
  });
  const [status] = await once(child, "close");
  assert.equal(status, 0, out);
  return out;
}

test("the examples of the README run", async () => {
  const [catalogue = "", item = "", browser = "", jobs = "", errors = ""] = examples;
  assert.equal(examples.length, 5);
  assert.ok(catalogue.split("\n").filter((line) => line.trim() !== "").length <= 6, "the first one has six lines");
  const server = await Server.start();
  const out = (await run("catalogue", catalogue, server)).trim().split("\n").sort();
  assert.match(out.join("\n"), /^0 SOFA\n1 LIGHTING\n2 the item has neither text nor a picture/);
  const before = `import { connect } from "credenza/node";\nconst rows = [{ name: "Oak bench" }]; const save = async () => {};\n`;
  await run("item", item, server);
  assert.match(await run("jobs", `${before}const client = connect();\n${jobs}client.close();`, server), /^1$/m);
  await run("errors", `${before}const client = connect();\n${errors}client.close();`, server);
  assert.match(browser, /credenza\/web/); // web.test.ts runs it in a browser
  await server.close();
});
