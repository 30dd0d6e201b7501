// Bundles the page into internal/web/ui/dist, which is embedded in the server's program.
//
//     node build.mjs [folder]
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
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

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
await build({
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
});
cpSync(join(room, "src/page"), outdir, { recursive: true });

const sizes = readdirSync(outdir).map((name) => {
  const content = readFileSync(join(outdir, name));
  return { name, bytes: content.length, gzipped: gzipSync(content, { level: 9 }).length };
});
const total = sizes.reduce((sum, { gzipped }) => sum + gzipped, 0);
console.table(sizes);
if (total > mostBytes) {
  throw new Error(`the page has ${total} bytes gzipped: it may have ${mostBytes}`);
}
console.log(`${total} bytes gzipped of ${mostBytes}`);
