// The same table in each form that the page takes.
import { crc32 } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";

/** A table as CSV. */
export function csv({ columns, rows }) {
  const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

/** A table as JSON. */
export function json({ columns, rows }) {
  return JSON.stringify(rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))));
}

/** A table as Parquet. */
export function parquet({ columns, rows }) {
  const columnData = columns.map((name, at) => ({ name, type: "STRING", data: rows.map((row) => row[at]) }));
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

/** A table as a product feed. */
export function xml({ columns, rows }) {
  const items = rows.map(
    (row) => `<item>${columns.map((name, at) => `<${name}>${escaped(row[at])}</${name}>`).join("")}</item>`,
  );
  return `<?xml version="1.0"?>\n<rss version="2.0"><channel>\n${items.join("\n")}\n</channel></rss>\n`;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** A table as a workbook. */
export function xlsx({ columns, rows }) {
  const line = (row) =>
    `<row>${row.map((text) => `<c t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`).join("")}</row>`;
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
  const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  const relations = "http://schemas.openxmlformats.org/package/2006/relationships";
  const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const types = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  return zip({
    "[Content_Types].xml": `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${types}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${types}.worksheet+xml"/></Types>`,
    "_rels/.rels": `${head}<Relationships xmlns="${relations}"><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `${head}<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="Products" sheetId="1" r:id="r1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `${head}<Relationships xmlns="${relations}"><Relationship Id="r1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    "xl/worksheets/sheet1.xml": `${head}<worksheet xmlns="${main}"><sheetData>${[columns, ...rows].map(line).join("")}</sheetData></worksheet>`,
  });
}

/** An archive whose files are not compressed. */
function zip(files) {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    const entry = [Buffer.from("PK\x03\x04"), fields, Buffer.from(name), data];
    entries.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, tail, Buffer.from(name));
    parts.push(...entry);
    offset += entry.reduce((sum, { length }) => sum + length, 0);
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

const words = [
  ["Oslo three-seater sofa", "Linen cover, oak legs, 220 cm wide"],
  ["Kestrel dining chair", "Solid oak, woven seat"],
  ["Anton platform bed", "160 × 200 cm, with drawers"],
  ["Round side table", "Marble top, brass frame"],
  ["Lund sideboard", "Sliding doors, walnut veneer"],
  ["Writing desk", "Two drawers, beech"],
  ["Arc floor lamp", "Brass, with a linen shade"],
  ["Bloom", "A lovely piece for any home"],
  ["Two-seat sofa or bench", "For the hall, the porch or the garden"],
  ["Stool Pippa", "Round seat, ash"],
];

/** A catalogue of a number of products, each with a name of its own. */
export function catalogue(count) {
  const rows = Array.from({ length: count }, (_, at) => {
    const [name, description] = words[at % words.length];
    return [`A-${at}`, `${name} ${at}`, description, `${(at % 90) + 10} €`];
  });
  return { columns: ["sku", "title", "description", "price"], rows };
}

/** Reads CSV. */
export function parseCsv(text) {
  const rows = [];
  let row = [];
  for (const [, quoted, plain, end] of text
    .replace(/^\uFEFF/, "")
    .matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") {
      rows.push(row);
      row = [];
    }
  }
  while (rows.length > 0 && rows.at(-1).every((cell) => cell === "")) {
    rows.pop();
  }
  const [columns = [], ...others] = rows;
  return { columns, rows: others };
}
