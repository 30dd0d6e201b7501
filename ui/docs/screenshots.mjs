// Takes the pictures of docs/console.md: the views of a small catalogue, whose pictures are
// drawn here and come from a shop on this machine. They replace the earlier ones together, once
// all have been taken: a run that fails leaves those as they are, and ends with exit code 1.
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { csv } from "../test/files.mjs";
import { ended, openBrowser, openPage, Server, show, simulated, start, upload } from "../test/harness.mjs";
import { products } from "./products.mjs";

const docs = join(dirname(fileURLToPath(import.meta.url)), "../../docs");
const taken = mkdtempSync(join(tmpdir(), "credenza-pictures-"));

async function drawn(browser) {
  const page = await browser.newPage({ viewport: { width: 480, height: 400 } });
  const pictures = [];
  for (const { svg } of products) {
    await page.setContent(`<body style="margin:0;background:#f4f1ec">${svg}</body>`);
    pictures.push(await page.screenshot({ type: "jpeg", quality: 85 }));
  }
  await page.close();
  return pictures;
}

async function shop(pictures) {
  const server = createServer((request, response) => {
    const picture = pictures[Number(/^\/(\d+)\.jpg$/.exec(request.url)?.[1])];
    response.writeHead(picture ? 200 : 404, { "content-type": "image/jpeg" }).end(picture);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

// Rows of products. Those of `withModels` differ but for each fourth forty, which repeat the first
// ones under other keys, as shops do: the cache answers these.
function table(count, address, withModels = false) {
  const rows = Array.from({ length: count }, (_, at) => {
    const { name, text, price } = products[at % products.length];
    const size = ["", ", small", ", large", ", set of two"][Math.floor(at / products.length) % 4];
    return [
      `F-${String(at + 1).padStart(3, "0")}`,
      name + size,
      withModels ? `${text}, model ${2600 + (Math.floor(at / 40) % 4 === 3 ? at % 40 : at)}` : text,
      price,
      `${address}/${at % products.length}.jpg`,
      "in stock",
    ];
  });
  return { columns: ["Artikelnummer", "Titel", "Beschreibung", "Preis", "Bild", "Lager"], rows };
}

async function take(page, name, part) {
  await page.waitForFunction(() => document.querySelector(".is-awaited, .loading") === null);
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(taken, `${name}.png`), ...(part && { clip: await part() }) });
}

async function views(page, address) {
  await take(page, "start");
  await upload(page, "spring catalogue.csv", csv(table(480, address)));
  await page.setViewportSize({ width: 1280, height: 1000 });
  await take(page, "columns");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("radio", { name: /^Text/ }).check();
  await start(page);
  await ended(page);
  await take(page, "progress");
  await show(page, "Review");
  await page.getByLabel("Your name").fill("Mia");
  await page.locator(".review-card").focus();
  for (const key of ["Enter", "2", "Enter", "Enter"]) {
    const before = await page.locator(".review-name").textContent();
    await page.keyboard.press(key);
    await page.waitForFunction((name) => document.querySelector(".review-name")?.textContent !== name, before);
  }
  await take(page, "review");
  await show(page, "Results");
  await page.locator(".grid-body .cell-name").first().waitFor();
  await take(page, "results");
  await page.locator(".grid-body .grid-row").first().click();
  await page.locator(".detail-name").waitFor();
  await take(page, "detail");
  await page.keyboard.press("Escape");
  await page.getByRole("region", { name: "Categories" }).getByRole("button").nth(1).click();
  await page.getByRole("button", { name: "Change all…" }).click();
  await page.getByText(/will be accepted/).waitFor();
  await page.getByRole("combobox", { name: "Style", exact: true }).selectOption({ label: "Scandinavian" });
  await page.getByText(/will be changed/).waitFor();
  await take(page, "change");
  await page.keyboard.press("Escape");
  await show(page, "Export");
  await take(page, "export");
  await page.getByRole("link", { name: "Start" }).click();
  await upload(page, "autumn catalogue.csv", csv(table(60_000, address)));
  await page.getByRole("radio", { name: /^Text/ }).check();
  await start(page);
  await page.locator(".hero", { hasText: /^[1-9]/ }).waitFor();
  await take(page, "running");
  await page.getByRole("button", { name: "Pause" }).click();
  await ended(page, "Paused");
  await page.getByRole("link", { name: "Jobs" }).click();
  await page.locator(".job-line").first().waitFor();
  await take(page, "jobs");
  await page.getByRole("link", { name: "Operate" }).click();
  await page.locator(".tiles").waitFor();
  await take(page, "operate");
}

// A model whose quota is small. It refuses some products, answers nonsense or fails for others, and has one
// of two keys withdrawn.
const natureOfModel = `
latency: {median: 500ms, sigma: 0.4}
quota:
  requests: {amount: 1200, per: 1m, burst: 200}
  tokens: {amount: 900000, per: 1m}
keys:
  - {secret: sk-furniture-7f3a}
  - {secret: sk-furniture-91bc, changes: [{at: 6s, state: revoked}]}
rules:
  - {text: Bloom, message: '{"role":"assistant","content":null,"refusal":"I cannot help with that."}'}
  - {text: "Pippa, large", content: "I would say that it is a stool, or a side table."}
  - {text: "model 2639", status: 500}
  - {text: "model 2679", status: 500}
`;

async function viewsOfModel(page, address) {
  await upload(page, "summer catalogue.csv", csv(table(480, address, true)));
  await page.getByRole("radio", { name: /^Text/ }).check();
  await start(page);
  await page.locator(".bar").nth(1).waitFor({ timeout: 120_000 });
  await page.getByRole("button", { name: "Pause" }).click();
  await ended(page, "Paused");
  await take(page, "paused");
  await page.getByRole("button", { name: "Continue" }).click();
  await ended(page, "Running");
  await page.getByRole("link", { name: "Operate" }).click();
  await page.locator(".tiles").waitFor();
  await page.setViewportSize({ width: 1280, height: 1200 });
  await take(page, "gate");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("link", { name: "Jobs" }).click();
  await page.locator(".job-line").first().click();
  await show(page, "Progress");
  await ended(page, "Done", 180_000);
  await take(page, "failed");
  await show(page, "Results");
  await page.setViewportSize({ width: 1280, height: 2000 });
  // The simulated model guesses: a sofa that it took for one.
  await page.getByPlaceholder(/^Search names/).fill("three-seat sofa");
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".grid-body .cell-name")].every((name) => name.textContent.includes("Three-seat")),
  );
  await page
    .locator(".grid-body .grid-row", { hasText: /sofa.*Sofa/s })
    .first()
    .click();
  await page.locator(".detail-name").waitFor();
  await page.getByText("How it was made").click();
  await take(page, "trace", async () => {
    const parts = page.getByRole("dialog").locator(".detail-part");
    const [first, last] = [
      await parts.filter({ hasText: "Likeliest categories" }).boundingBox(),
      await parts.last().boundingBox(),
    ];
    return { x: first.x - 16, y: first.y, width: first.width + 32, height: last.y + last.height - first.y + 16 };
  });
}

// Replaces the pictures of the page by those that were taken, which must be all that it shows.
function replace() {
  const shown = [...readFileSync(join(docs, "console.md"), "utf8").matchAll(/\(console\/([^)]+)\)/g)].map(
    (match) => match[1],
  );
  const [wanted, found] = [shown, readdirSync(taken)].map((names) => names.sort().join(" "));
  if (wanted !== found) throw new Error(`docs/console.md shows ${wanted}, and there are ${found}: change one of them`);
  rmSync(join(docs, "console"), { recursive: true, force: true });
  cpSync(taken, join(docs, "console"), { recursive: true });
}

const browser = await openBrowser();
const pictures = await shop(await drawn(browser));
const server = await Server.start({ CREDENZA_IMAGE_ALLOW: "127.0.0.1" });
const model = await simulated("--config", Server.file(natureOfModel));
const modelled = await Server.start({
  CREDENZA_BACKEND: "openai",
  OPENAI_API_KEY: "sk-furniture-7f3a,sk-furniture-91bc",
  OPENAI_BASE_URL: `${model.address}/v1`,
  CREDENZA_IMAGE_ALLOW: "127.0.0.1",
});
try {
  const page = await openPage(browser, server, { deviceScaleFactor: 1 });
  await views(page, `http://127.0.0.1:${pictures.address().port}`);
  const asking = await openPage(browser, modelled, { deviceScaleFactor: 1 });
  await viewsOfModel(asking, `http://127.0.0.1:${pictures.address().port}`);
  const faults = [...page.faults, ...asking.faults];
  if (faults.length > 0) throw new Error(`the page had errors: ${faults.join("; ")}`);
  replace();
  console.log(`${readdirSync(taken).length} pictures are in ${join(docs, "console")}`);
} finally {
  await browser.close();
  await server.close();
  await modelled.close();
  model.started.kill();
  pictures.close();
  rmSync(taken, { recursive: true, force: true });
}
