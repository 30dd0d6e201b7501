import type { ComponentChildren } from "preact";
import { type Job, JobState } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { Gate } from "../operate/gate.js";
import { Bars, Progress } from "../parts/bars.js";
import { count, duration, millisOf, moment, percent, speed } from "../parts/format.js";
import { readable } from "../parts/names.js";
import { capitalised } from "../server/server.js";
import { addressOf, go } from "../shell/route.js";
import { Commands } from "./commands.js";
import { overall, useSpeed } from "./speed.js";
import { hasEnded } from "./states.js";

/** How far a job has come, and what can be done with it. */
export function Watch({ job, onChanged }: { job: Job; onChanged: (job: Job | undefined) => void }) {
  const { done = 0n, failed = 0n, total = 0n } = job.progress ?? {};
  return (
    <div class="watch">
      {job.message && <div class="notice">{capitalised(job.message)}</div>}
      <section class="card hero" aria-label="Progress">
        <p class="hero-number">
          <strong>{percent(total > 0n ? Math.floor((100 * Number(done)) / Number(total)) / 100 : 0)}</strong>
          <span class="muted">
            {count(done)} of {count(total)} products
          </span>
        </p>
        <Progress done={Number(done)} total={Number(total)} label="Progress" />
        <Facts job={job} />
        <Commands job={job} onChanged={onChanged} />
      </section>
      {hasEnded(job) && done > 0n && <Next jobId={job.jobId} />}
      {failed > 0n && <Failures job={job} />}
      {!hasEnded(job) && <Gate />}
    </div>
  );
}

function Facts({ job }: { job: Job }) {
  const perSecond = useSpeed(job);
  const { done = 0n, failed = 0n, total = 0n } = job.progress ?? {};
  const ended = hasEnded(job);
  const tokens = job.promptTokens + job.completionTokens;
  return (
    <dl class="facts">
      <Fact name="Speed">{speed(ended ? overall(job) : perSecond)}</Fact>
      {ended ? <Took job={job} /> : <Fact name="Time left">{timeLeft(job, Number(total - done), perSecond)}</Fact>}
      <Fact name="Failed">{count(failed)}</Fact>
      {tokens > 0n && <Fact name={ended ? "Tokens" : "Tokens so far"}>{count(tokens)}</Fact>}
      <Fact name="Started">{moment(job.startTime ?? job.createTime)}</Fact>
      {job.retryOf && (
        <Fact name="Retries">
          <a href={addressOf(["jobs", job.retryOf])}>an earlier job</a>
        </Fact>
      )}
    </dl>
  );
}

function Took({ job }: { job: Job }) {
  if (job.startTime === undefined || job.endTime === undefined) {
    return null;
  }
  return <Fact name="Took">{duration((millisOf(job.endTime) - millisOf(job.startTime)) / 1000)}</Fact>;
}

function timeLeft(job: Job, left: number, perSecond: number): string {
  if (job.state === JobState.PAUSED) {
    return "paused";
  }
  return perSecond > 0 ? duration(Math.max(1, Math.ceil(left / perSecond))) : "not known yet";
}

/** One figure with its name. */
function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Next({ jobId }: { jobId: string }) {
  return (
    <nav class="next" aria-label="What comes next">
      <a class="card" href={addressOf(["jobs", jobId, "look"])}>
        <strong>Look at the results</strong>
        <span class="muted">Search, filter and sort them.</span>
      </a>
      <a class="card" href={addressOf(["jobs", jobId, "review"])}>
        <strong>Review</strong>
        <span class="muted">The doubtful first, one key for each.</span>
      </a>
      <a class="card" href={addressOf(["jobs", jobId, "out"])}>
        <strong>Export</strong>
        <span class="muted">Your columns, the results and corrections.</span>
      </a>
    </nav>
  );
}

function Failures({ job }: { job: Job }) {
  const bars = Object.entries(job.failuresByReason)
    .map(([key, value]) => ({ key, label: readable(key), value: Number(value) }))
    .sort((a, b) => b.value - a.value);
  const show = (reason: string) => go(["jobs", job.jobId, "look"], new URLSearchParams({ reason }));
  return (
    <div class="card">
      <Bars title="Failed, by reason" bars={bars} chosen={[]} onToggle={show} />
    </div>
  );
}
