import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalogue, csv, json, parquet, xlsx, xml } from "./files.mjs";
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

const table = catalogue(12);
const forms = { csv, json, xlsx, parquet, xml };

for (const [form, write] of Object.entries(forms)) {
  test(`a file of ${form} is described, classified and listed`, async () => {
    const page = await openPage(browser, server);
    await upload(page, `catalogue.${form}`, write(table));
    const described = page.locator(".mapping li", { hasText: "title" });
    assert.equal(await described.locator("select").inputValue(), "product_name");
    assert.equal(await page.locator(".preview tbody tr").count(), 12);
    await start(page);
    await ended(page);
    await show(page, "Results");
    const names = page.locator(".grid-body .cell-name");
    await names.nth(7).waitFor();
    assert.equal(await page.locator(".filters output").textContent(), "12 results");
    assert.match(await names.first().textContent(), /Oslo three-seater sofa 0/);
    await closePage(page);
  });
}

test("a column fills another field once a person says so", async () => {
  const page = await openPage(browser, server);
  await upload(
    page,
    "columns.csv",
    csv({
      columns: ["code", "label", "extra"],
      rows: [
        ["1", "Oak bench", "Walnut desk"],
        ["2", "Oak stool", "Brass lamp"],
      ],
    }),
  );
  const field = (name) => page.getByLabel(`Field of the column ${name}`);
  await field("extra").selectOption({ label: "Product name" });
  await page.waitForFunction(() => {
    const [, label, extra] = document.querySelectorAll(".mapping select");
    return label.value !== "product_name" && extra.value === "product_name";
  });
  await field("label").selectOption({ label: "Left out" });
  await page.waitForFunction(() => document.querySelectorAll(".mapping select")[1].value === "");
  await start(page);
  await ended(page);
  await show(page, "Results");
  await page.locator(".cell-name", { hasText: "Walnut desk" }).waitFor();
  assert.equal(await page.locator(".cell-category").first().textContent(), "Desk");
  await closePage(page);
});

test("rows from a spreadsheet are pasted", async () => {
  const page = await openPage(browser, server);
  await page.getByText("Or paste rows").click();
  await page.getByLabel("Rows, the first with").fill("name\tdescription\nOak bench\tSolid, 120 cm\nDesk lamp\tBrass");
  await page.getByRole("button", { name: "Use these rows" }).click();
  await page.getByRole("button", { name: "Classify 2 products" }).waitFor();
  assert.equal(await page.locator(".preview td").first().textContent(), "Oak bench");
  await closePage(page);
});

test("what is described is still there when the page is loaded again", async () => {
  const page = await openPage(browser, server);
  await upload(page, "again.csv", csv(table));
  await page.reload();
  await page.getByRole("heading", { name: "again.csv" }).waitFor();
  await page.getByRole("radio", { name: /^Text/ }).check();
  await start(page);
  await ended(page);
  await closePage(page);
});

test("a file that cannot be read says why", async () => {
  const page = await openPage(browser, server);
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "picture.csv", mimeType: "text/csv", buffer: Buffer.from("PK\x03\x04 no archive") });
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.ok((await alert.textContent()).length > 20, await alert.textContent());
  await closePage(page);
});
