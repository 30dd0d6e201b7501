import type { Row } from "./gen/credenza/v1/item_pb.js";

/** Returns the text of a value as a cell of a table has it. Blank: there is no value. */
export function cellOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return numberText(value);
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      return objectText(value);
    default: // undefined, functions and symbols
      return "";
  }
}

function numberText(value: number): string {
  if (Number.isNaN(value)) {
    return "";
  }
  // From 1e21 on, String has an exponent.
  return Number.isInteger(value) && Math.abs(value) >= 1e21 ? String(BigInt(value)) : String(value);
}

function objectText(value: object | null): string {
  if (value === null) {
    return "";
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "" : value.toISOString();
  }
  if (value instanceof URL) {
    return value.href;
  }
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ?? "";
}

/** The columns of a call's rows, which are the keys of its first rows. */
export class Columns {
  readonly #places = new Map<string, number>();

  /** Adds the keys of a row that there are not yet. */
  add(row: object): void {
    for (const key of Object.keys(row)) {
      if (!this.#places.has(key)) {
        this.#places.set(key, this.#places.size);
      }
    }
  }

  /** The names, in order. */
  get names(): string[] {
    return [...this.#places.keys()];
  }

  /** Returns a row's cells, and those of keys that are no column after all others. */
  row(record: object): Row {
    const cells: string[] = [];
    let further: string[] | undefined;
    for (const [key, value] of Object.entries(record)) {
      const place = this.#places.get(key);
      if (place === undefined) {
        further ??= [];
        further.push(cellOf(value));
        continue;
      }
      while (cells.length < place) {
        cells.push("");
      }
      cells[place] = cellOf(value);
    }
    if (further !== undefined) {
      while (cells.length < this.#places.size) {
        cells.push("");
      }
      cells.push(...further);
    }
    return { $typeName: "credenza.v1.Row", cells };
  }
}
