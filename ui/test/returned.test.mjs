import { after, before, test } from "node:test";
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

test("the table and the review come back after their server was killed", () =>
  withServer({}, async (server) => {
    const page = await openPage(browser, server);
    await upload(page, "table.csv", csv(catalogue(500)));
    await start(page);
    await ended(page);
    await show(page, "Results");
    await page.locator(".grid-body .cell-name").first().waitFor();
    await server.kill();
    await page.getByRole("searchbox").fill("desk");
    await page.getByRole("alert").filter({ hasText: "The server does not answer" }).waitFor();
    await server.restart();
    await page.locator(".filters output", { hasText: "50 results" }).waitFor();
    await page.getByRole("alert").waitFor({ state: "detached" });
    await closePage(page);
  }));
