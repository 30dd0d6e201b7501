// Classify products over HTTP, and print each result as it comes. Needs Node 18 or
// later and nothing else; in a browser, fetch works in the same way.
//
//     node classify.mjs http://127.0.0.1:8000 products.json
//
// The file has a list of objects with any keys.
import { readFile } from "node:fs/promises";

// events yields the events of the answer, the last one included.
async function* events(url, rows) {
  const answer = await fetch(`${url}/classify-category`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data: rows, toggle: 1 }),
  });
  if (!answer.ok) {
    throw new Error(`${answer.status}: ${JSON.stringify((await answer.json()).detail)}`);
  }
  let rest = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: ")) {
        yield JSON.parse(line.slice("data: ".length));
      }
    }
  }
}

const [url, path] = process.argv.slice(2);
let complete = false;
for await (const event of events(url, JSON.parse(await readFile(path, "utf8")))) {
  for (const result of event.results) {
    console.log(JSON.stringify(result));
  }
  if (event.error && event.results.length === 0) { // with results: all of this batch failed, and more may come
    throw new Error(event.error);
  }
  if (event.processing_type === "complete") {
    complete = true;
    console.error(`${event.total_processed} items`);
  }
}
if (!complete) {
  throw new Error("the answer was cut off");
}
