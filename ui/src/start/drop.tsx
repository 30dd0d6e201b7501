import { useEffect, useRef, useState } from "preact/hooks";
import { Progress } from "../parts/bars.js";
import { bytes, percent } from "../parts/format.js";
import { isCancelled, messageOf } from "../server/server.js";
import { upload } from "../server/upload.js";

/** What is being uploaded. */
interface Sending {
  name: string;
  size: number;
  share: number;
  abort: AbortController;
}

/** Takes a file, dropped, chosen or pasted, and uploads it. */
export function Drop({ onUploaded }: { onUploaded: (uploadId: string) => void }) {
  const [sending, setSending] = useState<Sending>();
  const [error, setError] = useState("");
  const [isOver, setIsOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  // An upload must not call a person back who has gone to another view.
  useEffect(() => () => sending?.abort.abort(), [sending?.abort]);

  const send = async (file: File) => {
    const abort = new AbortController();
    const started = { name: file.name, size: file.size, share: 0, abort };
    setSending(started);
    setError("");
    try {
      onUploaded(await upload(file, (share) => setSending({ ...started, share }), abort.signal));
    } catch (thrown) {
      setSending(undefined);
      setError(isCancelled(thrown) ? "" : messageOf(thrown));
    }
  };
  usePasted(send, sending !== undefined);

  if (sending !== undefined) {
    return <SendingCard sending={sending} />;
  }
  return (
    <div class="start">
      <h1>Classify a catalogue</h1>
      <p class="lead">
        Give a file, check how its columns are understood, and start. Nothing is sent to the model before that.
      </p>
      {error && (
        <div class="notice is-error" role="alert">
          {error}
        </div>
      )}
      <label
        class={`drop ${isOver ? "is-over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setIsOver(false);
          const file = event.dataTransfer?.files[0];
          if (file) {
            send(file);
          }
        }}
      >
        <svg class="drop-icon" viewBox="0 0 48 48" aria-hidden="true">
          <path d="M24 31V11m0 0-8 8m8-8 8 8M9 32v5a2 2 0 0 0 2 2h26a2 2 0 0 0 2-2v-5" />
        </svg>
        <span class="drop-title">
          Drop a file here, or <span class="link">choose one</span>
        </span>
        <span class="muted">CSV, Excel (XLSX), JSON, Parquet or an XML feed</span>
        <input
          ref={input}
          class="visually-hidden"
          type="file"
          accept=".csv,.tsv,.txt,.xlsx,.json,.jsonl,.ndjson,.parquet,.xml,.gz"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) {
              send(file);
            }
          }}
        />
      </label>
      <Paste onPasted={(text) => send(fileOf(text))} />
    </div>
  );
}

function SendingCard({ sending }: { sending: Sending }) {
  return (
    <div class="start">
      <h1>Uploading</h1>
      <div class="card">
        <p class="row">
          <strong class="grow clip">{sending.name}</strong>
          <span class="muted">
            {percent(sending.share)} of {bytes(sending.size)}
          </span>
        </p>
        <Progress done={sending.share * 100} total={100} label="Upload" />
        <div class="actions">
          <button type="button" onClick={() => sending.abort.abort()}>
            Give up
          </button>
        </div>
      </div>
    </div>
  );
}

function Paste({ onPasted }: { onPasted: (text: string) => void }) {
  const [text, setText] = useState("");
  return (
    <details class="paste">
      <summary>Or paste rows from a spreadsheet</summary>
      <label class="field">
        <span>Rows, the first with the names of the columns</span>
        <textarea
          rows={8}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          placeholder={"name\tdescription\nOak bench\tSolid oak, 120 cm"}
        />
      </label>
      <div class="actions">
        <button type="button" class="primary" disabled={text.trim() === ""} onClick={() => onPasted(text)}>
          Use these rows
        </button>
      </div>
    </details>
  );
}

/** Takes what is pasted outside of a field: a file, or rows. */
function usePasted(send: (file: File) => void, isBusy: boolean): void {
  useEffect(() => {
    const pasted = (event: ClipboardEvent) => {
      if (isBusy || (event.target instanceof Element && event.target.closest("input, textarea") !== null)) {
        return;
      }
      const file = event.clipboardData?.files[0];
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (file || text.includes("\n")) {
        send(file ?? fileOf(text));
      }
    };
    document.addEventListener("paste", pasted);
    return () => document.removeEventListener("paste", pasted);
  });
}

function fileOf(text: string): File {
  const first = text.slice(0, text.indexOf("\n"));
  const isJson = /^\s*[[{]/.test(text);
  const end = isJson ? "json" : first.includes("\t") ? "tsv" : "csv";
  return new File([text], `pasted rows.${end}`);
}
