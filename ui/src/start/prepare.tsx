import { useEffect, useState } from "preact/hooks";
import { Mode } from "../../../sdk/typescript/src/gen/credenza/v1/options_pb.js";
import type { DescribeUploadResponse } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { count, counted, duration, secondsOf } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { LoadError, Loading } from "../parts/notice.js";
import { call, review } from "../server/server.js";
import { go } from "../shell/route.js";
import { sayError } from "../shell/toasts.js";
import { Columns, type Overrides, Rows } from "./columns.js";

const modes = [
  { mode: Mode.AUTO, name: "Automatic", text: "By the picture if a product has one, else by its text." },
  { mode: Mode.TEXT, name: "Text", text: "By the text alone. Pictures are not looked at." },
  { mode: Mode.IMAGE, name: "Picture", text: "By the picture, and by the text of products without one." },
];

/** Shows how a file is understood, lets a person change it, and starts the job. */
export function Prepare({ uploadId }: { uploadId: string }) {
  const [sheet, setSheet] = useState("");
  const [overrides, setOverrides] = useState<Overrides>({});
  const described = useLoaded(
    (signal) => call((o) => review.describeUpload({ uploadId, sheet, overrides }, o), { signal }),
    [uploadId, sheet, overrides],
  );
  const file = described.value;
  useEffect(() => {
    document.title = `${file?.fileName ?? "Start"} – Credenza`;
  }, [file?.fileName]);
  if (file === undefined) {
    return (
      <div class="start">
        {described.error === undefined ? <Loading /> : <LoadError loaded={described} />}
        {described.error !== undefined && <OtherFile />}
      </div>
    );
  }
  return (
    <div class="prepare" aria-busy={described.isLoading}>
      <header class="view-head">
        <div>
          <h1 class="clip">{file.fileName}</h1>
          <p class="muted">
            {file.format.toUpperCase()} · {counted(file.estimate?.rows ?? 0n, "row")} ·{" "}
            {counted(file.columns.length, "column")}
          </p>
        </div>
        <OtherFile />
      </header>
      <LoadError loaded={described} />
      {file.notes.map((note) => (
        <div class="notice" key={note}>
          {note}
        </div>
      ))}
      {file.sheets.length > 1 && (
        <label class="field is-short">
          <span>Sheet</span>
          <select
            value={sheet}
            onChange={(event) => {
              setOverrides({});
              setSheet(event.currentTarget.value);
            }}
          >
            <option value="">The first with data</option>
            {file.sheets.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <div class="prepare-grid">
        <Columns columns={file.columns} overrides={overrides} onChange={setOverrides} />
        <Launch file={file} uploadId={uploadId} sheet={sheet} overrides={overrides} isReady={!described.isLoading} />
      </div>
      <Rows columns={file.columns} rows={file.rows} />
    </div>
  );
}

function OtherFile() {
  return (
    <a class="button" href="#/start">
      Another file
    </a>
  );
}

interface LaunchProps {
  file: DescribeUploadResponse;
  uploadId: string;
  sheet: string;
  overrides: Overrides;
  isReady: boolean;
}

function Launch({ file, uploadId, sheet, overrides, isReady }: LaunchProps) {
  const [mode, setMode] = useState(Mode.AUTO);
  const [name, setName] = useState(file.fileName.slice(0, 200));
  const [isStarting, setIsStarting] = useState(false);
  // The same job is meant however often the button is pressed or the call is repeated.
  const [requestId] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const launch = async () => {
    setIsStarting(true);
    try {
      const spec = { mode, displayName: name.trim(), requestId };
      const { job } = await call((o) => review.submitUpload({ uploadId, sheet, overrides, spec }, o));
      go(["jobs", job?.jobId ?? ""]);
    } catch (error) {
      setIsStarting(false);
      sayError(error);
    }
  };
  return (
    <form
      class="card launch"
      onSubmit={(event) => {
        event.preventDefault();
        launch();
      }}
    >
      <h2>Start</h2>
      <fieldset class="choices">
        <legend>Classify by</legend>
        {modes.map((choice) => (
          <label class="choice" key={choice.mode}>
            <input type="radio" name="mode" checked={mode === choice.mode} onChange={() => setMode(choice.mode)} />
            <span>
              <strong>{choice.name}</strong>
              <span class="muted">{choice.text}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        <span>Name of the job</span>
        <input type="text" maxlength={200} value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <Estimate file={file} />
      <button type="submit" class="primary is-large" disabled={isStarting || !isReady}>
        {isStarting ? "Starting…" : `Classify ${counted(file.estimate?.items ?? 0n, "product")}`}
      </button>
      <p class="muted small">It goes on if this page is closed. You find it under Jobs.</p>
    </form>
  );
}

function Estimate({ file }: { file: DescribeUploadResponse }) {
  const { estimate } = file;
  if (estimate === undefined) {
    return null;
  }
  const time = estimate.duration === undefined ? "not known yet" : `about ${duration(secondsOf(estimate.duration))}`;
  return (
    <dl class="facts" aria-label="Estimate">
      <div>
        <dt>Products</dt>
        <dd>{count(estimate.items)}</dd>
      </div>
      <div>
        <dt>Questions to the model</dt>
        <dd>{estimate.calls === 0n ? "none" : count(estimate.calls)}</dd>
      </div>
      {estimate.calls > 0n && (
        <>
          <div>
            <dt>Tokens, roughly</dt>
            <dd>{count(estimate.promptTokens + estimate.completionTokens)}</dd>
          </div>
          <div>
            <dt>Time</dt>
            <dd>{time}</dd>
          </div>
        </>
      )}
    </dl>
  );
}
