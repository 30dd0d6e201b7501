// Rows and items in chunks, as calls that stream send them.

import { create } from "@bufbuild/protobuf";
import { CredenzaError } from "./error.js";
import { type ItemChunk, ItemChunkSchema, type RowChunk, RowChunkSchema } from "./gen/credenza/v1/item_pb.js";
import { Item } from "./item.js";
import { Columns } from "./rows.js";
import { overridesOf } from "./settings.js";
import type { RowOptions } from "./types.js";

/** Rows, which are objects with any keys, or {@link Item}s: a list, a generator or a stream. */
export type Source = Iterable<object> | AsyncIterable<object>;

/** A chunk, as the `part` of a request has it. */
export type Chunk = { case: "items"; value: ItemChunk } | { case: "rows"; value: RowChunk };

/** The size at which a chunk is sent. */
export interface ChunkSize {
  entries: number;
  /** Of text, in bytes or about that. */
  bytes: number;
  /** Whether each chunk goes into a call of its own, and so has the columns. */
  alone?: boolean;
}

/** The entries of a chunk that wait, all of them items or all of them rows. */
interface Group {
  entries: object[];
  areItems: boolean;
  bytes: number;
}

/**
 * Packs a source into chunks, until the signal is aborted. A chunk is given when it is full,
 * or if the source is slow, a few milliseconds after its first entry (the first rows: a
 * second), so that none waits for others.
 */
export async function* chunksOf(
  source: Source,
  size: ChunkSize,
  options: RowOptions,
  signal: AbortSignal,
): AsyncGenerator<Chunk, void> {
  const packer = new Packer(source, size, options);
  const groups = Symbol.asyncIterator in source ? slowGroups(source, size, signal) : groupsOf(source, size);
  for await (const group of groups) {
    yield packer.pack(group);
  }
}

function* groupsOf(source: Iterable<object>, size: ChunkSize): Generator<Group> {
  let group: Group | undefined;
  for (const entry of source) {
    if (group !== undefined && !takes(group, entry, size)) {
      yield group;
      group = undefined;
    }
    group = add(group, entry);
  }
  if (group !== undefined) {
    yield group;
  }
}

// How long a chunk waits for a slow source, in ms. The first rows show the server what is in
// which column, so that it is better if there are many.
const linger = { first: 1000, others: 5 };

type Interrupt = "late" | "stopped";

async function* slowGroups(
  source: AsyncIterable<object>,
  size: ChunkSize,
  signal: AbortSignal,
): AsyncGenerator<Group, void> {
  const entries = source[Symbol.asyncIterator]();
  let interrupt: (by: Interrupt) => void = () => undefined;
  const wait = (next: Promise<IteratorResult<object>>) =>
    new Promise<IteratorResult<object> | Interrupt>((resolve, reject) => {
      interrupt = resolve;
      next.then(resolve, reject);
    });
  const stop = () => interrupt("stopped");
  signal.addEventListener("abort", stop);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    let next = entries.next();
    let isFirst = true;
    while (!signal.aborted) {
      let entry = await wait(next);
      if (typeof entry === "string" || entry.done) {
        return;
      }
      const group = add(undefined, entry.value);
      timer = setTimeout(() => interrupt("late"), isFirst && !group.areItems ? linger.first : linger.others);
      isFirst = false;
      for (;;) {
        next = entries.next();
        entry = await wait(next);
        if (typeof entry === "string" || entry.done || !takes(group, entry.value, size)) {
          break;
        }
        add(group, entry.value);
      }
      clearTimeout(timer);
      yield group;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    entries.return?.()?.catch(() => undefined); // not awaited: the source may be waiting
  }
}

function takes(group: Group, entry: object, size: ChunkSize): boolean {
  return group.entries.length < size.entries && group.bytes < size.bytes && group.areItems === entry instanceof Item;
}

function add(group: Group | undefined, entry: object): Group {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry) || ArrayBuffer.isView(entry)) {
    const kind = kindOf(entry);
    throw new CredenzaError("INVALID_ARGUMENT", `a row is ${kind}: send objects, whose keys are columns, or Items`);
  }
  const to = group ?? { entries: [], areItems: entry instanceof Item, bytes: 0 };
  to.entries.push(entry);
  to.bytes += bytesOf(entry);
  return to;
}

/** Names what is no row; bytes are what a stream of a file has that nothing parses. */
function kindOf(entry: unknown): string {
  if (entry === null) {
    return "null";
  }
  return Array.isArray(entry) ? "a list" : ArrayBuffer.isView(entry) ? "bytes" : typeof entry;
}

function bytesOf(entry: object): number {
  let bytes = 0;
  if (entry instanceof Item) {
    const { productName, description, imageData, attributes } = entry.message;
    bytes = productName.length + description.length + imageData.length;
    for (const name in attributes) {
      bytes += attributes[name]?.length ?? 0;
    }
    return bytes;
  }
  for (const value of Object.values(entry)) {
    bytes += typeof value === "string" ? value.length : 8;
  }
  return bytes;
}

/** Makes chunks of groups. The columns are those of the first rows, or of all rows of a list. */
class Packer {
  #columns: Columns | undefined;

  constructor(
    private readonly source: Source,
    private readonly size: ChunkSize,
    private readonly options: RowOptions,
  ) {}

  pack(group: Group): Chunk {
    return group.areItems
      ? { case: "items", value: create(ItemChunkSchema, { items: (group.entries as Item[]).map((i) => i.message) }) }
      : { case: "rows", value: this.#rows(group.entries) };
  }

  #rows(entries: object[]): RowChunk {
    const isFirst = this.#columns === undefined;
    this.#columns ??= this.#columnsOf(entries);
    const { names } = this.#columns;
    const columns = this.#columns;
    const chunk = create(
      RowChunkSchema,
      isFirst || this.size.alone ? { columns: names, overrides: overridesOf(this.options.columns) } : {},
    );
    chunk.rows = entries.map((entry) => columns.row(entry));
    return chunk;
  }

  #columnsOf(first: object[]): Columns {
    const columns = new Columns();
    if (this.options.header !== undefined) {
      columns.add(Object.fromEntries(this.options.header.map((name) => [name, ""])));
      return columns;
    }
    for (const entry of Array.isArray(this.source) ? (this.source as object[]) : first) {
      if (!(entry instanceof Item)) {
        columns.add(entry);
      }
    }
    return columns;
  }
}
