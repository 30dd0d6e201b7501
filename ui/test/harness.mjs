// A real server that answers offline, and the page in a real browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { chromium } from "playwright-core";

const room = dirname(dirname(fileURLToPath(import.meta.url)));
process.env.CREDENZA_BIN ??= resolve(room, "../.bin/credenza");

/** The server of the SDK's tests. */
export const { Server } = await imported(join(room, "../sdk/typescript/test/server.ts"));

async function imported(path) {
  const { code } = await transform(readFileSync(path, "utf8"), { loader: "ts", format: "esm", target: "node20" });
  return import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
}

/** Starts a simulated model's server with flags, and returns its process and its address. */
export async function simulated(...flags) {
  const program = join(dirname(process.env.CREDENZA_BIN), "llmsim");
  const started = spawn(program, ["--addr", "127.0.0.1:0", ...flags], { stdio: ["ignore", "pipe", "ignore"] });
  const [said] = await once(started.stdout, "data");
  return { started, address: /http:\/\/[\d.:]+/.exec(String(said))[0] };
}

/** Starts the browser. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
}

/**
 * Opens the page of a server in a window of its own. What no page should do is in its
 * `faults`: errors, what its policy forbids, and requests to other hosts.
 */
export async function openPage(browser, server, { path = "", ...settings } = {}) {
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 800 },
    ...settings,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // A failed call is one of those that the test provokes.
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) {
      faults.push(message.text());
    }
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "blob:" && url.origin !== server.http) {
      faults.push(`a request to ${url.origin}`);
    }
  });
  await page.goto(`${server.http}/ui/${path}`);
  return Object.assign(page, { faults });
}

/** Closes a page that has done nothing that it should not do. */
export async function closePage(page) {
  const { faults } = page;
  await page.context().close();
  assert.deepEqual(faults, []);
}

/** Uploads a file and waits until it is described. */
export async function upload(page, name, content) {
  await page
    .locator("input[type=file]")
    .setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
  await page.getByRole("heading", { name }).waitFor();
}

/** Starts the job of the file that is described, and returns its ID when it has ended. */
export async function start(page) {
  const button = page.getByRole("button", { name: /^Classify/ });
  await button.click();
  await page.locator(".job-head").waitFor();
  return decodeURIComponent(new URL(page.url()).hash.split("/")[2]);
}

/** Waits until the job that is shown has ended. */
export async function ended(page, state = "Done", timeout = 60_000) {
  await page.locator(".job-head .badge", { hasText: state }).waitFor({ timeout });
}

/** Shows a part of the job that is shown. */
export async function show(page, name) {
  await page.getByRole("navigation", { name: "Parts of the job" }).getByRole("link", { name }).click();
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails if axe-core finds something serious in a page. */
export async function checkAccess(page, where) {
  const found = await page.evaluate(`${axeSource}; axe.run({ resultTypes: ["violations"] })`);
  const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const texts = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join("\n  ")}`);
  assert.deepEqual(texts, [], `what axe-core finds in ${where}`);
}
