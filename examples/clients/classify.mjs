// Classifies products, and prints each result as it comes. Needs Node 20 or later.
//
//     npm install credenza
//     node classify.mjs localhost:50051 products.json
//
// The file has a list of objects with any keys. The exit code is 1 if products failed.
import { readFile } from "node:fs/promises";
import { connect } from "credenza/node";

const [address, path] = process.argv.slice(2);
const rows = JSON.parse(await readFile(path, "utf8"));
const results = connect(address).classify(rows, { onNotice: (notice) => console.error(notice.message) });
for await (const result of results) {
  console.log(JSON.stringify(result));
}
console.error(`${results.summary.succeeded} of ${rows.length} products classified`, results.summary.failuresByReason);
process.exitCode = results.summary.failed > 0 ? 1 : 0;
