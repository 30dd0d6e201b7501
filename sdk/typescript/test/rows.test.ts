import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Client, type Connection, CredenzaError, Item, type Source, type StreamOptions } from "credenza";
import { connect } from "credenza/node";
import { Server } from "./server.js";

interface Rows {
  columns: string[];
  rows: { cells: string[] }[];
  overrides: Record<string, string>;
}
type Part = { case: "spec" | "items" } | { case: "rows"; value: Rows };

/** Returns the parts that a client sends in a feed, through a transport that answers nothing. */
async function partsOf(source: Source, options?: StreamOptions): Promise<Part[]> {
  const parts: Part[] = [];
  const nothing = { header: new Headers(), trailer: new Headers(), message: (async function* () {})() };
  const transport = {
    async stream(method: object, _s: unknown, _t: unknown, _h: unknown, input: AsyncIterable<{ part: Part }>) {
      for await (const { part } of input) {
        parts.push(part);
      }
      return { stream: true, method, ...nothing };
    },
  } as unknown as Connection["transport"];
  try {
    for await (const _ of new Client({ transport, duplex: true }).classify(source, options));
  } catch (error) {
    if (!(error instanceof CredenzaError && error.message.includes("without its summary"))) {
      throw error;
    }
  }
  return parts;
}

async function chunksOf(source: Source, options?: StreamOptions): Promise<Rows[]> {
  return (await partsOf(source, options)).flatMap((part) => (part.case === "rows" ? [part.value] : []));
}

/** Short lists do not go in feeds, generators do. */
function* each<T>(list: readonly T[]): Generator<T> {
  yield* list;
}

interface Case {
  name: string;
  records: object[] | null;
  columns: string[];
  rows: string[][];
  overrides?: Record<string, string>;
  items: { id?: string; product_name?: string; error?: string }[];
}

/** Returns the fixture's value, of which a key with a dollar sign stands for what JSON does not have. */
function revive(_: string, value: unknown): unknown {
  const [key, text] = typeof value === "object" && value !== null ? (Object.entries(value)[0] ?? []) : [];
  switch (key) {
    case "$nan":
      return Number.NaN;
    case "$infinity":
      return Number.POSITIVE_INFINITY;
    case "$bigint":
      return BigInt(text);
    case "$datetime":
      return new Date(text);
    default:
      return value;
  }
}

test("rows become the cells and items of the fixture that all languages share", async (t) => {
  const path = join(process.env.CREDENZA_SDK ?? "", "../../proto/testdata/rows.json");
  const { cases } = JSON.parse(readFileSync(path, "utf8"), revive) as { cases: Case[] };
  const server = await Server.start();
  const client = connect(server.grpc);
  for (const { name, records, columns, rows, overrides, items } of cases) {
    if (records === null) {
      continue; // objects cannot be like that
    }
    await t.test(name, async () => {
      const options = { columns: overrides, inOrder: true };
      const [chunk, ...more] = await chunksOf(each(records), options);
      assert.deepEqual(more, []);
      assert.deepEqual(chunk?.columns, columns);
      assert.deepEqual(
        chunk?.rows.map(({ cells }) => cells),
        rows,
      );
      assert.deepEqual(chunk?.overrides, overrides ?? {});
      const results = [];
      for await (const result of client.classify(records, { ...options, mode: "text" })) {
        results.push({ id: result.itemId, name: result.productName, error: result.ok ? "" : result.error.reason });
      }
      assert.deepEqual(
        results,
        items.map((item) => ({ id: item.id ?? "", name: item.product_name ?? "", error: item.error ?? "" })),
      );
    });
  }
  client.close();
  await server.close();
});

test("values become the cells of a table", async () => {
  const long = 2 ** 53;
  for (const [value, cell] of [
    [undefined, ""],
    [null, ""],
    [Number.NaN, ""],
    [Number.NEGATIVE_INFINITY, ""],
    [-0, "0"],
    [3.0, "3"],
    [0.1 + 0.2, "0.30000000000000004"],
    [long, "9007199254740992"],
    [" text ", " text "],
    [new Date("2024-05-01T10:30:00.25Z"), "2024-05-01T10:30:00.250Z"],
    [new Date(Number.NaN), ""],
    [new URL("https://shop.example/ä"), "https://shop.example/%C3%A4"],
    [{ a: [1, null, 10n], b: undefined }, '{"a":[1,null,"10"]}'],
    [() => 1, ""],
  ] as const) {
    const [chunk] = await chunksOf(each([{ value }]));
    assert.equal(chunk?.rows[0]?.cells[0], cell);
  }
  await assert.rejects(chunksOf(each([{ picture: new Uint8Array(2) }])), /bytes/);
});

test("the columns are those of all rows of a list, and of the first chunk of a generator", async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => (i < 2500 ? { name: `n${i}` } : { name: `n${i}`, late: "x" }));
  const [first, ...others] = await chunksOf(rows);
  assert.deepEqual(first?.columns, ["name", "late"]);
  assert.ok(others.length > 1 && others.every(({ columns }) => columns.length === 0));
  await assert.rejects(chunksOf(each(rows)), { code: "INVALID_ARGUMENT", message: /"late"/ });
  const [named] = await chunksOf(each(rows), { header: ["late", "name"] });
  assert.deepEqual(named?.columns, ["late", "name"]);
  assert.deepEqual(named?.rows[0]?.cells, ["", "n0"]);
});

test("what is no row is refused", async () => {
  for (const wrong of [null, "text", 7, ["a"], Buffer.from("a")]) {
    await assert.rejects(chunksOf(each([wrong] as object[])), { name: "CredenzaError", code: "INVALID_ARGUMENT" });
  }
});

test("rows and items may follow each other", async () => {
  const parts = await partsOf(each([{ name: "a" }, new Item({ productName: "b" }), new Item({}), { name: "c" }]));
  assert.deepEqual(
    parts.map((part) => part.case),
    ["spec", "rows", "items", "rows"],
  );
});

test("a slow source is not waited for until its chunk is full", async () => {
  let goOn = () => {};
  async function* slow() {
    yield { name: "first" };
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    yield { name: "second" };
  }
  const seen: number[] = [];
  const transport = {
    async stream(method: object, _s: unknown, _t: unknown, _h: unknown, input: AsyncIterable<{ part: Part }>) {
      for await (const { part } of input) {
        if (part.case === "rows") {
          seen.push(part.value.rows.length);
          goOn();
        }
      }
      return {
        stream: true,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: (async function* () {})(),
      };
    },
  } as unknown as Connection["transport"];
  const client = new Client({ transport, duplex: true });
  await assert.rejects(async () => {
    for await (const _ of client.classify(slow()));
  }, /without its summary/);
  assert.deepEqual(seen, [1, 1]);
});
