import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalogue, csv } from "./files.mjs";
import { checkAccess, closePage, ended, openBrowser, openPage, Server, start, upload } from "./harness.mjs";

let server;
let browser;
let jobId;
let uploaded;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), openBrowser()]);
  const page = await openPage(browser, server);
  await upload(page, "access.csv", csv(catalogue(60)));
  uploaded = new URL(page.url()).hash;
  jobId = await start(page);
  await ended(page);
  await closePage(page);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const views = () => [
  ["start", "#/start", ".drop"],
  ["file", uploaded, ".mapping li"],
  ["jobs", "#/jobs", ".job-line"],
  ["progress", `#/jobs/${jobId}`, ".hero"],
  ["results", `#/jobs/${jobId}/look?category=DESK`, ".chip"],
  ["review", `#/jobs/${jobId}/review`, ".review-card"],
  ["export", `#/jobs/${jobId}/out`, ".formats"],
  ["operate", "#/operate", ".tiles"],
];

const looks = [
  { name: "light and wide", viewport: { width: 3840, height: 2160 } },
  { name: "dark", colorScheme: "dark" },
  { name: "narrow", viewport: { width: 320, height: 640 }, reducedMotion: "reduce" },
];

for (const { name, ...settings } of looks) {
  test(`axe-core finds nothing serious in any view, ${name}, and none is wider than the window`, async () => {
    const page = await openPage(browser, server, settings);
    for (const [view, path, shown] of views()) {
      await page.goto(`${server.http}/ui/${path}`);
      await page.locator(shown).first().waitFor();
      await checkAccess(page, view);
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(wide, 0, view);
    }
    await closePage(page);
  });
}

test("axe-core finds nothing serious in dialogs", async () => {
  const page = await openPage(browser, server, { path: `#/jobs/${jobId}/look` });
  await page.locator(".grid-body .grid-row").first().click();
  await page.locator(".detail-name").waitFor();
  await checkAccess(page, "detail");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Change all…" }).click();
  await page.getByRole("dialog", { name: "Change all" }).waitFor();
  await checkAccess(page, "change all");
  await closePage(page);
});

test("numbers and dates are those of the browser's language", async () => {
  const page = await openPage(browser, server, { path: `#/jobs/${jobId}`, locale: "de-DE" });
  const begun = page.locator(".facts div", { hasText: "Started" }).locator("dd");
  await begun.waitFor();
  assert.match(await begun.textContent(), /^\d\d\.\d\d\.\d{4}, \d\d:\d\d$/);
  await closePage(page);
});
