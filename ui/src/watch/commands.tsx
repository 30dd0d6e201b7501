import { useState } from "preact/hooks";
import { type Job, JobState } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { Dialog } from "../parts/dialog.js";
import { call, jobs } from "../server/server.js";
import { go } from "../shell/route.js";
import { say, sayError } from "../shell/toasts.js";
import { hasEnded, titleOf } from "./states.js";

interface CommandsProps {
  job: Job;
  onChanged: (job: Job | undefined) => void;
}

/** Pause, continue, cancel, retry and delete. */
export function Commands({ job, onChanged }: CommandsProps) {
  const [isBusy, setIsBusy] = useState(false);
  const [question, setQuestion] = useState<"cancel" | "delete">();
  const { jobId } = job;
  const failed = job.progress?.failed ?? 0n;
  const act = async (work: () => Promise<void>) => {
    setQuestion(undefined);
    setIsBusy(true);
    await work().catch(sayError);
    setIsBusy(false);
  };
  const change = (make: () => Promise<{ job?: Job | undefined }>) => act(async () => onChanged((await make()).job));
  const pause = () => change(() => call((o) => jobs.pauseJob({ jobId }, o)));
  const resume = () => change(() => call((o) => jobs.resumeJob({ jobId }, o)));
  const cancel = () => change(() => call((o) => jobs.cancelJob({ jobId }, o)));
  const retry = () =>
    act(async () => {
      const retried = await call((o) => jobs.retryJob({ jobId, requestId: `retry of ${jobId}` }, o));
      go(["jobs", retried.job?.jobId ?? ""]);
    });
  const remove = () =>
    act(async () => {
      await call((o) => jobs.deleteJob({ jobId }, o));
      say(`“${titleOf(job)}” was deleted.`);
      go(["jobs"]);
    });

  return (
    <div class="actions">
      {!hasEnded(job) && job.state !== JobState.PAUSED && (
        <button type="button" disabled={isBusy} onClick={pause}>
          Pause
        </button>
      )}
      {job.state === JobState.PAUSED && (
        <button type="button" class="primary" disabled={isBusy} onClick={resume}>
          Continue
        </button>
      )}
      {!hasEnded(job) && (
        <button type="button" disabled={isBusy} onClick={() => setQuestion("cancel")}>
          Cancel
        </button>
      )}
      {hasEnded(job) && failed > 0n && (
        <button type="button" disabled={isBusy} onClick={retry}>
          Retry what failed
        </button>
      )}
      {hasEnded(job) && (
        <button type="button" class="danger" disabled={isBusy} onClick={() => setQuestion("delete")}>
          Delete
        </button>
      )}
      {question === "cancel" && (
        <Sure
          title="Cancel this job?"
          text="The results so far are kept. The rest is not classified."
          yes="Cancel the job"
          onYes={cancel}
          onNo={() => setQuestion(undefined)}
        />
      )}
      {question === "delete" && (
        <Sure
          title="Delete this job?"
          text="Its results and corrections are deleted with it. This cannot be undone."
          yes="Delete the job"
          onYes={remove}
          onNo={() => setQuestion(undefined)}
        />
      )}
    </div>
  );
}

interface SureProps {
  title: string;
  text: string;
  yes: string;
  onYes: () => void;
  onNo: () => void;
}

function Sure({ title, text, yes, onYes, onNo }: SureProps) {
  return (
    <Dialog title={title} onClose={onNo}>
      <p>{text}</p>
      <div class="actions">
        <button type="button" class="danger" onClick={onYes}>
          {yes}
        </button>
        <button type="button" onClick={onNo}>
          No
        </button>
      </div>
    </Dialog>
  );
}
