import { useEffect, useState } from "preact/hooks";
import { type Job, JobState } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { Look } from "../look/look.js";
import { Out } from "../out/out.js";
import { millisOf } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { LoadError, Loading } from "../parts/notice.js";
import { Review } from "../review/review.js";
import { call, jobs } from "../server/server.js";
import { addressOf, type Route } from "../shell/route.js";
import { hasEnded, StateBadge, titleOf } from "./states.js";
import { Watch } from "./watch.js";

const rooms = [
  ["", "Progress"],
  ["look", "Results"],
  ["review", "Review"],
  ["out", "Export"],
] as const;

/** How long after its start a job's first results are looked for often. */
const soonMs = 10_000;

/** Returns after how long a job is looked at again: soon while its first results are awaited. */
function pollMs(job: Job): number {
  if (job.state === JobState.PAUSED) {
    return 2000;
  }
  const isAwaited = (job.progress?.done ?? 0n) === 0n && job.message === "";
  if (!isAwaited) {
    return 700;
  }
  // The server's clock may be ahead of this one.
  return job.state === JobState.RUNNING && Math.abs(Date.now() - startOf(job)) < soonMs ? 100 : 500;
}

function startOf(job: Job): number {
  const at = job.startTime ?? job.createTime;
  return at === undefined ? 0 : millisOf(at);
}

/** A job: its progress, results, review and export. */
export function JobRoom({ route }: { route: Route }) {
  const [, jobId = "", room = ""] = route.path;
  const [changed, setChanged] = useState<Job>();
  const loaded = useLoaded(
    async (signal) => {
      const { job } = await call((o) => jobs.getJob({ jobId }, o), { signal });
      setChanged(undefined);
      return job;
    },
    [jobId],
    (job) => (job === undefined || hasEnded(job) ? undefined : pollMs(job)),
  );
  const job = changed?.jobId === jobId ? changed : loaded.value;
  const title = job === undefined ? "Job" : titleOf(job);
  useEffect(() => {
    document.title = `${title} – Credenza`;
  }, [title]);
  if (job === undefined || job.jobId !== jobId) {
    return <div class="view">{loaded.error === undefined ? <Loading /> : <LoadError loaded={loaded} />}</div>;
  }
  const onChanged = (next: Job | undefined) => {
    setChanged(next);
    loaded.reload();
  };
  return (
    <div class={`view job-room is-${room || "watch"}`}>
      <header class="job-head">
        <h1 class="clip">
          <bdi>{title}</bdi>
        </h1>
        <StateBadge state={job.state} />
        <nav class="tabs" aria-label="Parts of the job">
          {rooms.map(([path, name]) => (
            <a
              key={path}
              href={addressOf(["jobs", jobId, ...(path ? [path] : [])])}
              aria-current={path === room ? "page" : undefined}
            >
              {name}
            </a>
          ))}
        </nav>
      </header>
      <LoadError loaded={loaded} />
      {room === "" && <Watch job={job} onChanged={onChanged} />}
      {room === "look" && <Look job={job} route={route} key={jobId} />}
      {room === "review" && <Review job={job} key={jobId} />}
      {room === "out" && <Out job={job} />}
    </div>
  );
}
