import { CredenzaError } from "./error.js";
import type { Row } from "./gen/credenza/v1/item_pb.js";

/** Returns the text of a value as a cell of a table has it. Blank: there is no value. */
export function cellOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return Number.isFinite(value) ? String(value) : "";
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      return objectText(value);
    default: // undefined, functions and symbols
      return "";
  }
}

function objectText(value: object | null): string {
  if (value === null) {
    return "";
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "" : value.toISOString().replace(".000Z", "Z");
  }
  if (value instanceof URL) {
    return value.href;
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    throw new CredenzaError("INVALID_ARGUMENT", "a row has bytes, which are no text: send a picture as Item.imageData");
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

  /** Returns a row's cells. A key that is no column is an error. */
  row(record: object): Row {
    const cells = new Array<string>(this.#places.size).fill("");
    for (const [key, value] of Object.entries(record)) {
      const place = this.#places.get(key);
      if (place === undefined) {
        throw new CredenzaError(
          "INVALID_ARGUMENT",
          `a row has the key ${JSON.stringify(key)}, which the first rows did not have: name all keys in the option header`,
        );
      }
      cells[place] = cellOf(value);
    }
    return { $typeName: "credenza.v1.Row", cells };
  }
}
