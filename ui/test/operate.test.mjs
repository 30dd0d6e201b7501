import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalogue, csv } from "./files.mjs";
import { closePage, ended, openBrowser, openPage, Server, simulated, start, upload } from "./harness.mjs";

let model;
let server;
let browser;

before(async () => {
  model = await simulated("--median", "300ms");
  const settings = { CREDENZA_BACKEND: "openai", OPENAI_API_KEY: "key", OPENAI_BASE_URL: `${model.address}/v1` };
  [server, browser] = await Promise.all([Server.start(settings), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await server?.close();
  model?.started.kill();
});

test("a job shows its tokens, and the server how long the model takes to answer", async () => {
  const page = await openPage(browser, server);
  await upload(page, "tokens.csv", csv(catalogue(400)));
  await start(page);
  const tokens = (name) =>
    page.locator(".hero .facts div", { has: page.getByText(name, { exact: true }) }).locator("dd");
  const number = async (shown) => Number((await shown.textContent()).replaceAll(",", ""));
  const soFar = await number(tokens("Tokens so far"));
  await ended(page);
  assert.ok(soFar > 0 && (await number(tokens("Tokens"))) > soFar, `${soFar} tokens so far`);

  await page.getByRole("link", { name: "Operate" }).click();
  const lines = page.getByRole("list", { name: /share of the answers/ }).getByRole("listitem");
  await lines.first().waitFor();
  const texts = await lines.allTextContents();
  assert.match(texts.join("\n"), /^(200 ms to 500 ms\d+%|up to 500 ms\d+%)$/m);
  const shares = texts.map((text) => Number(/(\d+)%$/.exec(text)[1]));
  const all = shares.reduce((sum, share) => sum + share, 0);
  assert.ok(all > 95 && all < 105, texts.join("\n"));
  await closePage(page);
});
