import { after, before, test } from "node:test";
import { catalogue, csv } from "./files.mjs";
import { closePage, ended, openBrowser, openPage, Server, start, upload } from "./harness.mjs";

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

test("a job goes on after its server was killed, and the page shows it without being loaded again", () =>
  withServer({}, async (server) => {
    const page = await openPage(browser, server);
    await upload(page, "killed.csv", csv(catalogue(30_000)));
    await start(page);
    await page.getByRole("button", { name: "Pause" }).click();
    await ended(page, /Paused|Done/);
    await server.kill();
    await page.getByRole("alert").filter({ hasText: "The server does not answer" }).waitFor();
    await server.restart();
    await page.getByRole("alert").waitFor({ state: "detached" });
    const go = page.getByRole("button", { name: "Continue" });
    if (await go.isVisible()) {
      await go.click();
    }
    await ended(page);
    await page.locator(".hero", { hasText: "30,000 of 30,000 products" }).waitFor();
    await closePage(page);
  }));
