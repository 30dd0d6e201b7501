import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { catalogue, csv, parseCsv } from "./files.mjs";
import { closePage, ended, openBrowser, openPage, Server, show, start, upload } from "./harness.mjs";

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

async function job(name, table) {
  const page = await openPage(browser, server);
  await upload(page, name, csv(table));
  await start(page);
  await ended(page);
  return page;
}

const product = (page) => page.locator(".review-name").textContent();
const progress = (page) => page.locator(".review-head [role=status]");

/** Presses a key and waits for another product. */
async function decide(page, key) {
  const before = await product(page);
  await page.keyboard.press(key);
  await page.waitForFunction((name) => document.querySelector(".review-name")?.textContent !== name, before);
  return before;
}

async function downloaded(page, form) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Download ${form}`, exact: true }).click(),
  ]);
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

test("results are reviewed by keys alone, undone, and exported with what the person said", async () => {
  const table = catalogue(300);
  const page = await job("by keys.csv", table);
  await show(page, "Review");
  await page.getByLabel("Your name").fill("Mia");
  await page.locator(".review-card").focus();
  await page.waitForFunction(() => / of \d/.test(document.querySelector(".review-head [role=status]").textContent));
  const accepted = await decide(page, "Enter");
  const second = page.locator(".review-choice").nth(1);
  const other = (await second.locator(".grow").textContent()).toUpperCase();
  const corrected = await decide(page, "2");
  const undone = await decide(page, "Enter");
  await decide(page, "u");
  assert.equal(await product(page), undone);
  await page.keyboard.press("/");
  await page.keyboard.type("night");
  const found = await decide(page, "Enter");
  const later = await decide(page, "l");
  assert.notEqual(await product(page), later);
  await progress(page)
    .filter({ hasText: /^3 of / })
    .waitFor();

  await page.locator('.review[aria-busy="false"]').waitFor();
  await page.reload();
  await progress(page)
    .filter({ hasText: /^3 of / })
    .waitFor();
  assert.equal(await product(page), later);

  await show(page, "Export");
  const { name, content } = await downloaded(page, "CSV");
  assert.match(name, /\.csv$/);
  const { columns, rows } = parseCsv(content.toString());
  assert.deepEqual(columns.slice(0, 4), table.columns);
  assert.equal(rows.length, 300);
  for (const [at, row] of rows.entries()) {
    assert.deepEqual(row.slice(0, 4), table.rows[at]);
  }
  const cells = (title) => {
    const row = rows.find((candidate) => candidate[1] === title);
    return Object.fromEntries(columns.map((column, at) => [column, row[at]]));
  };
  const personal = columns.filter((column) => /correct|person|check|review|note/i.test(column));
  assert.ok(personal.length > 0, columns.join());
  assert.ok(Object.values(cells(accepted)).includes("Mia"));
  assert.ok(Object.values(cells(corrected)).includes(other));
  assert.ok(Object.values(cells(found)).includes("NIGHTSTAND"));
  assert.ok(!Object.values(cells(later)).includes("Mia"));
  await closePage(page);
});

/** Holds the corrections of a page back until the returned function says what becomes of them. */
async function holdCorrections(page) {
  let decide;
  const decided = new Promise((resolve) => {
    decide = resolve;
  });
  await page.route("**/PutCorrections", async (route) => (await decided)(route));
  return decide;
}

test("an export has the decisions that were still being stored when it was asked for", async () => {
  const page = await job("slow.csv", catalogue(20));
  await show(page, "Review");
  await page.locator(".review-card").waitFor();
  await page.getByLabel("Your name").fill("Mia");
  await page.locator(".review-card").focus();
  const release = await holdCorrections(page);
  await decide(page, "Enter");
  await show(page, "Export");
  const exported = downloaded(page, "CSV");
  await page.getByRole("button", { name: /^Give up/ }).waitFor();
  release((route) => route.continue());
  assert.ok((await exported).content.toString().includes("Mia"));
  await closePage(page);
});

test("a decision that was undone before it could not be stored comes back once", async () => {
  const page = await job("undone.csv", catalogue(20));
  await show(page, "Review");
  await page.locator(".review-card").waitFor();
  const release = await holdCorrections(page);
  const first = await decide(page, "Enter");
  await decide(page, "u");
  assert.equal(await product(page), first);
  release((route) => route.fulfill({ status: 400, json: { code: "invalid_argument", message: "not stored" } }));
  await page.getByText("Not stored").waitFor();
  await progress(page)
    .filter({ hasText: /^0 of / })
    .waitFor();
  await page.keyboard.press("l");
  await page.waitForFunction((name) => document.querySelector(".review-name")?.textContent !== name, first);
  await closePage(page);
});

test("a decision that could not be stored comes back behind the product that is looked at", async () => {
  const page = await job("refused.csv", catalogue(20));
  await show(page, "Review");
  await page.locator(".review-card").waitFor();
  const release = await holdCorrections(page);
  const first = await decide(page, "2");
  const second = await product(page);
  release((route) => route.fulfill({ status: 400, json: { code: "invalid_argument", message: "not stored" } }));
  await page.getByText("Not stored").waitFor();
  assert.equal(await product(page), second);
  await decide(page, "l");
  assert.equal(await product(page), first);
  await closePage(page);
});

test("what is typed right after / is searched, and no command", async () => {
  const page = await job("typed.csv", catalogue(20));
  await show(page, "Review");
  await page.locator(".review-card").waitFor();
  const focused = await page.evaluate(async () => {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }));
    await new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    return document.activeElement.getAttribute("aria-label");
  });
  assert.equal(focused, "Search a category");
  await closePage(page);
});

test("every form of the export has all products", async () => {
  const page = await job("forms.csv", catalogue(40));
  await show(page, "Review");
  await page.locator(".review-card").waitFor();
  await decide(page, "2");
  await show(page, "Export");
  const workbook = await downloaded(page, "Excel");
  assert.equal(workbook.content.subarray(0, 2).toString(), "PK");
  const lines = (await downloaded(page, "JSON lines")).content.toString().trim().split("\n");
  assert.equal(lines.length, 40);
  for (const line of lines) {
    assert.equal(typeof JSON.parse(line), "object");
  }
  const labels = parseCsv((await downloaded(page, "Labels")).content.toString());
  assert.equal(labels.rows.length, 1);
  await closePage(page);
});

test("a review with keys goes at more than 20 decisions a minute", async (t) => {
  const page = await job("pace.csv", catalogue(400));
  await show(page, "Review");
  await page.locator(".review-card").waitFor();
  const begun = Date.now();
  for (let at = 0; at < 30; at++) {
    await decide(page, at % 3 === 0 ? "2" : "Enter");
  }
  const seconds = (Date.now() - begun) / 1000;
  t.diagnostic(`30 decisions in ${seconds.toFixed(1)} s`);
  assert.ok(seconds < 90);
  await progress(page)
    .filter({ hasText: /^30 of / })
    .waitFor();
  await closePage(page);
});
