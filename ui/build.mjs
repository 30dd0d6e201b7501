// Bundles the page into internal/web/ui/dist, which is embedded in the server's program. What
// is large is packed, so that the program stays small.
//
//     node build.mjs [folder]
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const room = dirname(fileURLToPath(import.meta.url));
const outdir = resolve(process.argv[2] ?? join(room, "../internal/web/ui/dist"));
const mostBytes = 150_000;

// The SDK's sources get their packages from here too, so that each is bundled once, at the
// version of this package-lock.json.
const onePackage = {
  name: "one package",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@(bufbuild|connectrpc)\// }, ({ path, kind, pluginData }) =>
      pluginData === "here" ? undefined : resolve(path, { kind, resolveDir: room, pluginData: "here" }),
    );
  },
};

/** Packs a text. One that was packed before stays as it is: versions of Node pack differently. */
function packed(text, before) {
  return before !== undefined && gunzipSync(before).equals(text) ? before : gzipSync(text, { level: 9 });
}

const { outputFiles } = await build({
  absWorkingDir: room,
  entryPoints: { console: "src/main.tsx", style: "src/style.css" },
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "browser",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  plugins: [onePackage],
  write: false,
});
const bundles = outputFiles.map(({ path, contents }) => {
  const name = `${path}.gz`;
  return { name, content: packed(contents, existsSync(name) ? readFileSync(name) : undefined) };
});
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
cpSync(join(room, "src/page"), outdir, { recursive: true });
for (const { name, content } of bundles) {
  writeFileSync(name, content);
}

const sizes = readdirSync(outdir).map((name) => ({ name, bytes: readFileSync(join(outdir, name)).length }));
const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
console.table(sizes);
if (total > mostBytes) {
  throw new Error(`the page has ${total} bytes: it may have ${mostBytes}`);
}
console.log(`${total} bytes of ${mostBytes}`);
