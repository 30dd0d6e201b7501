import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { catalogue, csv } from "./files.mjs";
import { closePage, ended, openBrowser, openPage, Server, show, start, upload } from "./harness.mjs";

let browser;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

async function withServer(settings, work) {
  const server = await Server.start(settings);
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

test("a job is loaded again while it runs, cancelled, and its results are kept", () =>
  withServer({}, async (server) => {
    const page = await openPage(browser, server);
    await upload(page, "cancelled.csv", csv(catalogue(60_000)));
    await start(page);
    await page.getByRole("button", { name: "Pause" }).click();
    await ended(page, /Paused/);
    await page.reload();
    await ended(page, /Paused/);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the job" }).click();
    await ended(page, "Cancelled");
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.locator(".job-line", { hasText: "cancelled.csv" }).filter({ hasText: "Cancelled" }).click();
    await show(page, "Progress");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete the job" }).click();
    await page.getByText("There are no jobs here.").waitFor();
    await closePage(page);
  }));

test("a job without a result is looked at often in its first seconds alone", async () => {
  const model = createServer().listen(0, "127.0.0.1"); // it never answers
  await once(model, "listening");
  const address = `http://127.0.0.1:${model.address().port}/v1`;
  const settings = { CREDENZA_BACKEND: "openai", OPENAI_API_KEY: "key", OPENAI_BASE_URL: address };
  await withServer(settings, async (server) => {
    const page = await openPage(browser, server);
    await page.clock.install();
    let looks = 0;
    page.on("request", (request) => {
      looks += request.url().includes("JobService/GetJob") ? 1 : 0;
    });
    const looksIn = async (ms) => {
      const before = looks;
      await sleep(ms);
      return looks - before;
    };
    await upload(page, "silent.csv", csv(catalogue(1)));
    await start(page);
    await ended(page, "Running");
    const first = await looksIn(2000);
    await page.clock.fastForward(10_000);
    const later = await looksIn(2000);
    assert.ok(first > later && later > 0 && later <= 5, `${first} looks in the first 2 s, then ${later}`);
    await closePage(page);
  });
  model.close();
});

test("a job that is too large for a review says so, and can be exported", () =>
  withServer({ CREDENZA_REVIEW_MEMORY_MIB: "1" }, async (server) => {
    const page = await openPage(browser, server);
    await upload(page, "large.csv", csv(catalogue(6_000)));
    await start(page);
    await ended(page);
    for (const part of ["Results", "Review"]) {
      await show(page, part);
      await page.getByRole("alert").getByText("The job has too many results to list").waitFor();
    }
    await show(page, "Export");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download CSV" }).click(),
    ]);
    assert.equal(
      readFileSync(await download.path(), "utf8")
        .trim()
        .split("\n").length,
      6_001,
    );
    await closePage(page);
  }));

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

test("a wrong token is asked for again, and a right one is kept in memory alone", () => {
  const tokens = `- {name: mia, sha256: ${sha256("right-token")}, scopes: [classify]}\n`;
  return withServer({ CREDENZA_TOKEN_FILE: Server.file(tokens) }, async (server) => {
    const page = await openPage(browser, server, { path: "#/jobs" });
    const dialog = page.getByRole("dialog", { name: "Sign in" });
    await dialog.getByLabel("Token").fill("wrong-token");
    await page.keyboard.press("Enter");
    await dialog.getByText("The server did not accept this token.").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await dialog.getByLabel("Token").fill("right-token");
    await page.keyboard.press("Enter");
    await page.getByText("There are no jobs here.").waitFor();
    assert.equal(await page.getByRole("link", { name: "Operate" }).count(), 0);
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
    assert.ok(!kept.includes("right-token"));
    await page.reload();
    await dialog.waitFor();
    await closePage(page);
  });
});

const hostile = [
  "<script>window.wasHacked = 1</script> sofa",
  '<img src="x" onerror="window.wasHacked = 1"> chair',
  "\u202Ekcab s\u0000 daer bed".replace("\u0000", ""),
  `${"very ".repeat(2000)}long table`,
  '=HYPERLINK("https://evil.example","desk")',
  "&lt;b&gt; & \"quotes\" 'lamp' \u0007",
  "W".repeat(10_000),
];

test("hostile names are shown as they are, and do nothing", () =>
  withServer({}, async (server) => {
    const page = await openPage(browser, server, { viewport: { width: 360, height: 640 } });
    page.on("dialog", (dialog) => page.faults.push(`a dialog: ${dialog.message()}`));
    const rows = hostile.map((name, at) => [String(at), name, `${name} again`]);
    await upload(page, "<b>hostile<b>.csv", csv({ columns: ["sku", "name", '<i>"about"</i>'], rows }));
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(await wide(), 0);
    await start(page);
    await ended(page);
    for (const [part, shown] of [
      ["Results", ".grid-body .cell-name"],
      ["Review", ".review-card, .empty"],
    ]) {
      await show(page, part);
      await page.locator(shown).first().waitFor();
      assert.equal(await wide(), 0, part);
    }
    await show(page, "Results");
    for (const [at, name] of hostile.entries()) {
      const row = page.locator(".grid-body .grid-row").nth(at);
      await row.scrollIntoViewIfNeeded();
      assert.equal(await row.locator("script, img, b, i").count(), 0);
      if (name.length < 100 && !name.includes("<") && !name.includes("&")) {
        assert.ok((await row.textContent()).includes(name.trim().slice(0, 20)), name);
      }
      await row.click();
      await page.getByRole("dialog").locator(".detail-name").waitFor();
      assert.ok(
        (await page.getByRole("dialog").evaluate((e) => e.scrollWidth - e.clientWidth)) <= 0,
        name.slice(0, 40),
      );
      await page.keyboard.press("Escape");
    }
    assert.equal(await page.evaluate(() => window.wasHacked), undefined);
    await closePage(page);
  }));
