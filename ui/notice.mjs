// Writes the licences of the packages that the page is bundled from into ../NOTICE, or with
// --check fails if they are not there.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const room = dirname(fileURLToPath(import.meta.url));
const file = join(room, "../NOTICE");
const { dependencies } = JSON.parse(readFileSync(join(room, "package.json"), "utf8"));

const parts = Object.keys(dependencies).map((name) => {
  const folder = join(room, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const path = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((base) => join(folder, base)).find(existsSync);
  const text = path === undefined ? "" : `\n${readFileSync(path, "utf8").trim()}\n`;
  return `${name} ${version} (${license})\n${text}`;
});
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
