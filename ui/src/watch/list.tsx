import { useEffect, useState } from "preact/hooks";
import { type Job, JobState } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { Progress } from "../parts/bars.js";
import { ago, count, moment } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { LoadError, Loading } from "../parts/notice.js";
import { call, jobs } from "../server/server.js";
import { addressOf } from "../shell/route.js";
import { hasEnded, StateBadge, titleOf } from "./states.js";

const states = [
  [JobState.UNSPECIFIED, "All"],
  [JobState.RUNNING, "Running"],
  [JobState.QUEUED, "Queued"],
  [JobState.PAUSED, "Paused"],
  [JobState.SUCCEEDED, "Done"],
  [JobState.CANCELLED, "Cancelled"],
  [JobState.FAILED, "Failed"],
] as const;

const pageSize = 50;

/** The list of jobs, the newest first. */
export function JobList() {
  const [state, setState] = useState(JobState.UNSPECIFIED);
  const [shown, setShown] = useState(pageSize);
  useEffect(() => {
    document.title = "Jobs – Credenza";
  }, []);
  const listed = useLoaded(
    (signal) => call((o) => jobs.listJobs({ state, pageSize: Math.min(1000, shown) }, o), { signal }),
    [state, shown],
    ({ jobs }) => (jobs.every(hasEnded) ? 5000 : 1000),
  );
  const found = listed.value?.jobs;
  return (
    <div class="view">
      <header class="view-head">
        <h1>Jobs</h1>
        <label class="field is-inline">
          <span>Show</span>
          <select value={state} onChange={(event) => setState(Number(event.currentTarget.value))}>
            {states.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </header>
      <LoadError loaded={listed} />
      {found === undefined && listed.error === undefined && <Loading />}
      {found?.length === 0 && (
        <div class="empty">
          <p>There are no jobs here.</p>
          <a class="button is-primary" href="#/start">
            Classify a catalogue
          </a>
        </div>
      )}
      <ul class="job-list">
        {found?.map((job) => (
          <JobLine key={job.jobId} job={job} />
        ))}
      </ul>
      {listed.value?.nextPageToken && shown < 1000 && (
        <button type="button" onClick={() => setShown(shown + 100)}>
          Show more
        </button>
      )}
    </div>
  );
}

function JobLine({ job }: { job: Job }) {
  const { done = 0n, total = 0n, failed = 0n } = job.progress ?? {};
  const room = hasEnded(job) ? ["jobs", job.jobId, "look"] : ["jobs", job.jobId];
  return (
    <li>
      <a class="job-line" href={addressOf(room)}>
        <span class="job-line-name">
          <strong class="clip">
            <bdi>{titleOf(job)}</bdi>
          </strong>
          <span class="muted small" title={moment(job.createTime)}>
            {ago(job.createTime)}
            {job.retryOf && " · a retry"}
          </span>
        </span>
        <span class="job-line-progress">
          {!hasEnded(job) && (
            <Progress done={Number(done)} total={Number(total)} label={`Progress of ${titleOf(job)}`} />
          )}
          <span class="muted small">
            {count(done)} of {count(total)}
            {failed > 0n && ` · ${count(failed)} failed`}
          </span>
        </span>
        <StateBadge state={job.state} />
      </a>
    </li>
  );
}
