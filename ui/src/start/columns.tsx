import type { Row } from "../../../sdk/typescript/src/gen/credenza/v1/item_pb.js";
import type { UploadColumn } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { counted } from "../parts/format.js";

/** As RowChunk.overrides. */
export type Overrides = Record<string, string>;

const attributes = "attributes";

const fields = [
  ["product_name", "Product name"],
  ["description", "Description"],
  ["type", "Type"],
  ["category", "Category today"],
  ["styles", "Styles"],
  ["tags", "Tags"],
  ["price_range", "Price"],
  ["image_url", "Picture’s address"],
  ["product_url", "Page’s address"],
  ["id", "Key"],
  [attributes, "Further detail"],
  ["", "Left out"],
] as const;

/** Returns the overrides after a person has said which field a column fills. */
export function withField(overrides: Overrides, column: UploadColumn, field: string): Overrides {
  const others = Object.entries(overrides).filter(([key, name]) => key !== column.name && name !== column.name);
  const next = Object.fromEntries(others);
  if (field === "") {
    next[column.name] = "";
  } else {
    next[field] = column.name;
  }
  return next;
}

interface ColumnsProps {
  columns: UploadColumn[];
  overrides: Overrides;
  onChange: (overrides: Overrides) => void;
}

/** The columns of a file, the fields that they fill, and samples of their values. */
export function Columns({ columns, overrides, onChange }: ColumnsProps) {
  return (
    <section class="card columns-card">
      <header class="row">
        <h2 class="grow">Columns</h2>
        {Object.keys(overrides).length > 0 && (
          <button type="button" class="quiet" onClick={() => onChange({})}>
            As it was
          </button>
        )}
      </header>
      <ul class="mapping">
        {columns.map((column, at) => (
          <li key={`${column.name} ${String(at)}`} class={column.field === "" ? "is-left-out" : ""}>
            <div class="mapping-name">
              <strong class="clip" title={column.name}>
                <bdi>{column.name || `Column ${at + 1}`}</bdi>
              </strong>
              <span class="muted clip small">
                <bdi>{column.samples.map((sample) => sample.slice(0, 100)).join(" · ") || "empty"}</bdi>
              </span>
            </div>
            <select
              aria-label={`Field of the column ${column.name}`}
              value={fieldValue(column.field)}
              disabled={column.name === ""}
              onChange={(event) => onChange(withField(overrides, column, event.currentTarget.value))}
            >
              {fields.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
              {!isKnown(column.field) && <option value={column.field}>{column.field}</option>}
            </select>
          </li>
        ))}
      </ul>
    </section>
  );
}

function fieldValue(field: string): string {
  return field === "price" ? "price_range" : field;
}

function isKnown(field: string): boolean {
  return fields.some(([known]) => known === fieldValue(field));
}

/** The first rows of a file. */
export function Rows({ columns, rows }: { columns: UploadColumn[]; rows: Row[] }) {
  return (
    <section class="card">
      <h2>The first {counted(rows.length, "row")}</h2>
      {/* An area that scrolls is reached by the keyboard. */}
      <section class="scroll-x" tabindex={0} aria-label="The first rows">
        <table class="preview">
          <thead>
            <tr>
              {columns.map((column, at) => (
                <th scope="col" key={`${column.name} ${String(at)}`}>
                  <bdi>{column.name}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              // A row is known by its place alone.
              <tr key={at}>
                {columns.map((column, cell) => (
                  <td key={`${column.name} ${String(cell)}`}>
                    <bdi>{(row.cells[cell] ?? "").slice(0, 300)}</bdi>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
