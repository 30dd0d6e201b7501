import type {
  GetStatusResponse,
  LatencyBucket,
  LogLine,
} from "../../../sdk/typescript/src/gen/credenza/v1/operations_service_pb.js";
import { duration, moment, percent, secondsOf } from "../parts/format.js";

/** The answer times of the model, as a histogram and its quantiles. */
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

function Histogram({ buckets }: { buckets: LatencyBucket[] }) {
  const most = Math.max(...buckets.map(({ share }) => share), 0.01);
  if (buckets.length === 0) {
    return null;
  }
  return (
    <div class="histogram" role="img" aria-label={buckets.map(labelOf).join("; ")}>
      {buckets.map((bucket) => (
        <span
          key={labelOf(bucket)}
          class="histogram-bar"
          title={labelOf(bucket)}
          style={{ height: `${Math.max(1, (100 * bucket.share) / most)}%` }}
        />
      ))}
    </div>
  );
}

function labelOf({ upTo, share }: LatencyBucket): string {
  return `up to ${upTo === undefined ? "any time" : duration(secondsOf(upTo))}: ${percent(share)}`;
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
