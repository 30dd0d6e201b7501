import type {
  GetStatusResponse,
  LatencyBucket,
  LogLine,
} from "../../../sdk/typescript/src/gen/credenza/v1/operations_service_pb.js";
import { duration, moment, percent, secondsOf } from "../parts/format.js";

/** How long the model takes to answer. */
export function Latency({ status }: { status: GetStatusResponse }) {
  const latency = status.upstreamLatency;
  if (latency === undefined || latency.samples === 0n) {
    return <p class="muted">There are no answers yet.</p>;
  }
  const steps = [
    ["Half within", latency.p50],
    ["95 % within", latency.p95],
    ["99 % within", latency.p99],
  ] as const;
  return (
    <>
      <p class="muted small">From a question to its answer, of the latest answers.</p>
      <Histogram buckets={latency.buckets} />
      <dl class="facts">
        {steps.map(([name, time]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{time === undefined ? "–" : duration(secondsOf(time))}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** The shares of the answers by how long they took, a line for each range of times. */
function Histogram({ buckets }: { buckets: LatencyBucket[] }) {
  const most = Math.max(...buckets.map(({ share }) => share), 0.01);
  return (
    <ul class="times" aria-label="The share of the answers that took so long">
      {buckets.map((bucket, at) => (
        <li key={rangeOf(buckets, at)}>
          <span>{rangeOf(buckets, at)}</span>
          <span class="bar-track" aria-hidden="true">
            {bucket.share > 0 && <span class="bar-fill" style={{ width: `${(100 * bucket.share) / most}%` }} />}
          </span>
          <span class="bar-value">{percent(bucket.share)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Returns the times of a bucket, which begins where the one before ends. */
function rangeOf(buckets: LatencyBucket[], at: number): string {
  const [from, to] = [buckets[at - 1]?.upTo, buckets[at]?.upTo].map((time) => time && duration(secondsOf(time)));
  return from === undefined ? `up to ${to}` : `${from} to ${to}`;
}

/** The last warnings and errors of the log. */
export function Warnings({ lines }: { lines: LogLine[] }) {
  return (
    <ul class="lines">
      {lines.map((line, at) => (
        <li key={`${String(line.time?.seconds)} ${line.message} ${at}`}>
          <span class="muted small">{moment(line.time)}</span> <bdi>{line.message}</bdi>{" "}
          {line.fields !== "" && line.fields !== "{}" && <code class="small">{line.fields}</code>}
        </li>
      ))}
    </ul>
  );
}
