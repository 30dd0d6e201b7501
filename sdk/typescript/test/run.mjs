// Packs the SDK, installs the tarball into an empty folder with its dependencies from the
// registry, compiles the tests against its types, and runs them against a real server.
//
//     node test/run.mjs [file.test.js ...]
//
// CREDENZA_BIN is the server's program.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const sdk = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "credenza-sdk-"));
const server = resolve(process.env.CREDENZA_BIN ?? join(sdk, "../../.bin/credenza"));

function run(program, args, cwd) {
  const env = { ...process.env, CREDENZA_BIN: server, CREDENZA_SDK: sdk };
  const { status, error } = spawnSync(program, args, { cwd, env, stdio: "inherit" });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(" ")} ended with ${error ?? status}`);
  }
}

const compilerOptions = {
  target: "ES2022",
  module: "nodenext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmitOnError: true,
  skipLibCheck: false,
  lib: ["ES2023", "DOM"],
  types: ["node"],
  typeRoots: [join(sdk, "node_modules/@types")],
  rootDir: "test",
  outDir: "built",
};

try {
  run("npm", ["run", "--silent", "build"], sdk);
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], sdk);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  run(
    "npm",
    [
      "install",
      "--silent",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      `./${tarball}`,
      "@connectrpc/connect-web@2.1.2",
    ],
    folder,
  );
  cpSync(join(sdk, "test"), join(folder, "test"), { recursive: true });
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["test/*.ts"] }));
  run(join(sdk, "node_modules/.bin/tsc"), ["-p", "."], folder);
  const all = readdirSync(join(folder, "built")).filter((name) => name.endsWith(".test.js"));
  const chosen = process.argv.slice(2);
  const files = (chosen.length > 0 ? chosen : all).map((name) => join("built", name));
  run(
    process.execPath,
    ["--expose-gc", "--test", "--test-concurrency=3", "--test-reporter=spec", "--test-timeout=170000", ...files],
    folder,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
