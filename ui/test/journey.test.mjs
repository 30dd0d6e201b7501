import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { csv, parseCsv } from "./files.mjs";
import { closePage, ended, openBrowser, openPage, Server, show, start, upload } from "./harness.mjs";

const sample = join(dirname(fileURLToPath(import.meta.url)), "../../examples/catalogue.csv");
let browser;
let server;
let shop;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

afterEach(async () => {
  await server?.close();
  shop?.close();
});

/** Presses Tab until the element that has the focus has a name. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate(() => {
      const at = document.activeElement;
      return at.getAttribute("aria-label") ?? at.textContent;
    });
    if (name.test(text)) {
      return;
    }
  }
  assert.fail(`the Tab key does not reach ${name}`);
}

test("a person who never saw it drops the sample, reviews ten and exports, without a mouse", async (t) => {
  server = await Server.start();
  const page = await openPage(browser, server);
  const begun = Date.now();
  // A file is dropped as a desktop does it.
  const content = readFileSync(sample, "utf8");
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "catalogue.csv", { type: "text/csv" }));
    return transfer;
  }, content);
  await page.dispatchEvent(".drop", "drop", { dataTransfer: data });
  await page.getByRole("heading", { name: "catalogue.csv" }).waitFor();
  await tabTo(page, /^Classify \d+ products$/);
  await page.keyboard.press("Enter");
  await ended(page);
  await tabTo(page, /^Review/);
  await page.keyboard.press("Enter");
  await page.locator(".review-card").waitFor();
  for (let decisions = 0; decisions < 10; decisions++) {
    const name = await page.locator(".review-name").textContent();
    await page.keyboard.press(decisions % 4 === 3 ? "2" : "Enter");
    await page.waitForFunction((before) => document.querySelector(".review-name")?.textContent !== before, name);
  }
  await page.locator(".review-head [role=status]", { hasText: /^10 of / }).waitFor();
  await page.locator(".top a").first().focus();
  await tabTo(page, /^Export$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Download CSV$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  t.diagnostic(`${((Date.now() - begun) / 1000).toFixed(1)} s`);
  assert.ok(Date.now() - begun < 120_000);
  const exported = parseCsv(readFileSync(await download.path(), "utf8"));
  const given = parseCsv(content);
  assert.equal(exported.rows.length, given.rows.length);
  const person = exported.columns.findIndex((name) => name.endsWith("review_time"));
  assert.ok(person > 0);
  assert.equal(exported.rows.filter((row) => row[person] !== "").length, 10);
  await closePage(page);
});

const hostilePictures = {
  "/page.jpg": ["text/html", "<script>window.wasHacked = 1</script>"],
  "/drawing.svg": [
    "image/svg+xml",
    '<svg xmlns="http://www.w3.org/2000/svg"><script>window.wasHacked = 1</script></svg>',
  ],
  "/broken.png": ["image/png", "\x89PNG\r\n\x1a\n and nothing else"],
};

test("pictures come through the server alone, and hostile ones are not shown", async () => {
  const asked = [];
  const good = await drawn();
  shop = createServer((request, response) => {
    asked.push(request.headers["user-agent"] ?? "");
    const [type, body] = hostilePictures[request.url] ?? ["image/png", good];
    response.writeHead(request.url === "/robots.txt" ? 404 : 200, { "content-type": type }).end(body);
  }).listen(0, "127.0.0.1");
  const address = `http://127.0.0.1:${await port(shop)}`;
  server = await Server.start({ CREDENZA_IMAGE_ALLOW: "127.0.0.1" });
  const page = await openPage(browser, server);
  const paths = ["/good.png", ...Object.keys(hostilePictures)];
  const rows = paths.map((path, at) => [String(at), `Oak bench ${at}`, address + path]);
  await upload(page, "pictures.csv", csv({ columns: ["sku", "name", "image_url"], rows }));
  await page.getByRole("radio", { name: /^Text/ }).check();
  await start(page);
  await ended(page);
  await show(page, "Results");
  await page.locator(".grid-body img").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".is-awaited").length === 0);
  assert.equal(await page.locator(".grid-body img").count(), 1);
  assert.match(await page.locator(".grid-body img").getAttribute("src"), /^blob:/);
  await page.locator(".grid-body .grid-row").nth(1).click();
  const reason = page.getByRole("dialog").locator(".picture.is-missing");
  await page.waitForFunction(() => document.querySelector("dialog .picture")?.textContent.length > 5);
  assert.ok((await reason.textContent()).length > 5);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => window.wasHacked), undefined);
  assert.ok(asked.length > 0 && asked.every((agent) => !agent.includes("Chrome")), asked.join("\n"));
  await closePage(page);
});

async function drawn() {
  const page = await browser.newPage({ viewport: { width: 200, height: 150 } });
  await page.setContent(
    '<body style="margin:0;background:#eee"><p style="width:99px;height:60px;background:#a63"></p></body>',
  );
  const picture = await page.screenshot();
  await page.close();
  return picture;
}

function port(listener) {
  return new Promise((resolve) => {
    if (listener.listening) {
      resolve(listener.address().port);
    } else {
      listener.once("listening", () => resolve(listener.address().port));
    }
  });
}
