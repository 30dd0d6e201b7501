// Writes the licences of the packages that the page is bundled from into ../NOTICE, or with
// --check fails if they are not there.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const room = dirname(fileURLToPath(import.meta.url));
const file = join(room, "../NOTICE");
const { dependencies } = JSON.parse(readFileSync(join(room, "package.json"), "utf8"));

// Packages without a file for it have their licence at the head of their sources.
const sources = {
  "@bufbuild/protobuf": ["dist/esm/index.js", "dist/esm/wire/varint.js"],
  "@connectrpc/connect": ["dist/esm/index.js"],
};

const parts = Object.keys(dependencies).map((name) => {
  const folder = join(room, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const texts = sources[name]?.map((path) => head(join(folder, path))) ?? [
    readFileSync(join(folder, "LICENSE"), "utf8"),
  ];
  return `${name} ${version}, ${license.replace(/^\(|\)$/g, "")}\n\n${texts.map((text) => text.trim()).join("\n\n")}\n`;
});

function head(path) {
  const lines = readFileSync(path, "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^\/\/ ?/, ""))
    .join("\n");
}

const line = "-".repeat(80);
const notice = `Credenza

The console's page, which is embedded in the program, contains these packages. It is
written by \`node ui/notice.mjs\`.

${line}
${parts.join(`\n${line}\n`)}`;

if (!process.argv.includes("--check")) {
  writeFileSync(file, notice);
} else if (!existsSync(file) || readFileSync(file, "utf8") !== notice) {
  throw new Error("NOTICE is not that of the bundled packages: run node ui/notice.mjs");
}
