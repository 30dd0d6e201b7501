import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalogue, csv } from "./files.mjs";
import { closePage, ended, openBrowser, openPage, Server, start, upload } from "./harness.mjs";

let server;
let browser;
let jobId;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), openBrowser()]);
  const page = await openPage(browser, server);
  await upload(page, "look.csv", csv(catalogue(2000)));
  jobId = await start(page);
  await ended(page);
  await closePage(page);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

async function look(settings = "") {
  const page = await openPage(browser, server, { path: `#/jobs/${jobId}/look${settings}` });
  await page.locator(".grid-body .cell-name").first().waitFor();
  return page;
}

const firstName = (page) => page.locator(".grid-body .grid-row").first().locator(".cell-name strong").textContent();

/** Waits until the list has so many results. */
async function total(page, text) {
  await page.locator(".filters output", { hasText: new RegExp(`^${text}$`) }).waitFor();
}

test("rows are drawn only where one looks, and fetched when they are scrolled to", async () => {
  const page = await look();
  await total(page, "2,000 results");
  assert.equal(await page.getByRole("grid").getAttribute("aria-rowcount"), "2001");
  assert.ok((await page.locator(".grid-body .grid-row").count()) < 40);
  await page.getByRole("grid").focus();
  await page.keyboard.press("End");
  await page.locator(".cell-name", { hasText: "Stool Pippa 1999" }).waitFor();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page
    .getByRole("dialog", { name: "Result 1,999 of 2,000" })
    .getByText("Two-seat sofa or bench 1998")
    .first()
    .waitFor();
  await closePage(page);
});

test("a click on a bar filters, and another one takes it back", async () => {
  const page = await look();
  const bar = page.getByRole("region", { name: "Categories" }).getByRole("button", { name: /^Desk/ });
  await bar.click();
  await total(page, "200 results");
  assert.equal(await bar.getAttribute("aria-pressed"), "true");
  assert.deepEqual(new Set(await page.locator(".grid-body .cell-category").allTextContents()), new Set(["Desk"]));
  await bar.click();
  await total(page, "2,000 results");
  await closePage(page);
});

test("the table is sorted by name, both ways, and by confidence", async () => {
  const page = await look();
  const header = page.getByRole("columnheader", { name: "Product" });
  await header.getByRole("button").click();
  await page.locator(".cell-name", { hasText: "Anton platform bed 1002" }).first().waitFor();
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
  await header.getByRole("button").click();
  await page.locator(".cell-name", { hasText: "Writing desk 995" }).first().waitFor();
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  assert.match(await firstName(page), /^Writing desk 995/);
  await page.getByRole("columnheader", { name: "Confidence" }).getByRole("button").click();
  await page.waitForFunction(() => location.hash.includes("order=confidence"));
  await page.waitForFunction(
    () => Number.parseFloat(document.querySelector(".grid-body .meter-value").textContent) < 50,
  );
  const shares = (await page.locator(".grid-body .meter-value").allTextContents()).map(Number.parseFloat);
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => a - b),
  );
  assert.ok(shares[0] < 50);
  await closePage(page);
});

test("words are searched on the server, and the address keeps the search", async () => {
  const page = await look();
  await page.keyboard.press("/");
  await page.keyboard.type("brass lamp 16");
  await page.waitForFunction(
    () =>
      location.hash.endsWith("?q=brass+lamp+16") &&
      document.querySelector("[role=grid]").getAttribute("aria-busy") === "false",
  );
  const found = await page.locator(".filters output").textContent();
  assert.notEqual(found, "2,000 results");
  await page.reload();
  await total(page, found);
  assert.equal(await page.getByRole("searchbox").inputValue(), "brass lamp 16");
  await page.getByRole("button", { name: "Show all" }).first().click();
  await total(page, "2,000 results");
  await closePage(page);
});

test("the detail has the row, the probabilities and the way to the next one", async () => {
  const page = await look("?order=name");
  await page.locator(".grid-body .grid-row").first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: /Anton platform bed/ }).waitFor();
  await dialog.getByText("160 × 200 cm, with drawers").waitFor();
  await dialog.getByRole("heading", { name: "Likeliest categories" }).waitFor();
  await dialog.getByText("How it was made").click();
  await dialog.getByText("lexicon").waitFor();
  await dialog.getByRole("button", { name: "Next" }).click();
  await page.getByRole("dialog", { name: "Result 2 of 2,000" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await closePage(page);
});

test("a result is corrected in its detail, and undone", async () => {
  const page = await look("?q=Kestrel+1001");
  await page.locator(".filters output", { hasNotText: "…" }).waitFor();
  const row = page.locator(".grid-body .grid-row").first();
  await row.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Category").selectOption({ label: "Stool" });
  await dialog.getByLabel("Note").fill("a high one");
  await dialog.getByRole("button", { name: "Save the correction" }).click();
  await dialog.getByText("Note: a high one").waitFor();
  await page.keyboard.press("Escape");
  await row.getByText("Stool").waitFor();
  await row.getByText("Corrected").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await row.getByText("Corrected").waitFor({ state: "detached" });
  await closePage(page);
});

test("all that a filter selects is changed after a preview of how many, and undone", async () => {
  const page = await look("?category=LIGHTING");
  await total(page, "200 results");
  await page.getByRole("button", { name: "Change all…" }).click();
  const dialog = page.getByRole("dialog", { name: "Change all" });
  await dialog.getByLabel("Category").selectOption({ label: "Decor" });
  await dialog.getByText("200 results will be changed.").waitFor();
  await dialog.getByRole("button", { name: "Change all" }).click();
  await total(page, "0 results");
  const corrected = await look("?state=corrected");
  await total(corrected, "200 results");
  assert.match(await corrected.locator(".grid-body .cell-category").first().textContent(), /^DecorLighting$/);
  await closePage(corrected);
  await page.getByRole("button", { name: "Undo" }).click();
  await total(page, "200 results");
  await closePage(page);
});
