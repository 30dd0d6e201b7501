import { useRef, useState } from "preact/hooks";
import type { Job } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { ExportFormat } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { bytes } from "../parts/format.js";
import { decisionsStored } from "../review/queue.js";
import { review, stream } from "../server/server.js";
import { say, sayError } from "../shell/toasts.js";
import { hasEnded } from "../watch/states.js";

const formats = [
  { format: ExportFormat.CSV, name: "CSV", text: "Your columns, then the results and corrections. For all programs." },
  { format: ExportFormat.XLSX, name: "Excel", text: "A workbook with the same columns." },
  { format: ExportFormat.JSON_LINES, name: "JSON lines", text: "An object for each product. For programs." },
  {
    format: ExportFormat.LABELS,
    name: "Labels",
    text: "Checked products alone, with the labels that people gave. “credenza eval” reads it.",
  },
];

/** Downloads a job's results. */
export function Out({ job }: { job: Job }) {
  const [chosen, setChosen] = useState<ExportFormat>();
  const [received, setReceived] = useState(0);
  const abort = useRef<AbortController>(undefined);
  const ended = hasEnded(job);
  const download = async (format: ExportFormat) => {
    abort.current = new AbortController();
    setChosen(format);
    setReceived(0);
    try {
      await decisionsStored();
      const { name, size } = await exported(job.jobId, format, abort.current.signal, setReceived);
      say(`${name} (${bytes(size)}) was downloaded.`);
    } catch (error) {
      sayError(error);
    } finally {
      setChosen(undefined);
    }
  };
  return (
    <div class="out">
      {!ended && <div class="notice">The results can be exported once the job has ended.</div>}
      <ul class="formats">
        {formats.map(({ format, name, text }) => (
          <li class="card" key={format}>
            <h2>{name}</h2>
            <p class="muted">{text}</p>
            <div class="actions">
              {chosen === format ? (
                <button type="button" onClick={() => abort.current?.abort()}>
                  Give up ({bytes(received)})
                </button>
              ) : (
                <button
                  type="button"
                  class="primary"
                  disabled={!ended || chosen !== undefined}
                  aria-label={`Download ${name}`}
                  onClick={() => download(format)}
                >
                  Download
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Receives a file and hands it to the browser, with its name. */
async function exported(jobId: string, format: ExportFormat, signal: AbortSignal, progress: (size: number) => void) {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  let name = "results";
  let type = "application/octet-stream";
  for await (const part of stream((o) => review.exportJob({ jobId, format }, o), signal)) {
    name = part.fileName || name;
    type = part.contentType || type;
    parts.push(new Uint8Array(part.data));
    size += part.data.length;
    progress(size);
  }
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return { name, size };
}
