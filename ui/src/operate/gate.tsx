import type {
  GetStatusResponse,
  KeyStatus,
  QuotaGroupStatus,
  QuotaStatus,
} from "../../../sdk/typescript/src/gen/credenza/v1/operations_service_pb.js";
import { Progress } from "../parts/bars.js";
import { ago, count, duration, secondsOf, speed } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { call, operations } from "../server/server.js";

/** What the gate to the model does now, for callers that may see it. */
export function Gate() {
  const status = useLoaded(
    (signal) => call((o) => operations.getStatus({}, o), { signal }),
    [],
    () => 1000,
  );
  if (status.value === undefined) {
    return null;
  }
  return (
    <section class="card" aria-label="The model’s server">
      <h2>The model’s server</h2>
      <Pool status={status.value} />
      <Groups status={status.value} />
    </section>
  );
}

/** The calls in flight, and the items that wait. */
export function Pool({ status }: { status: GetStatusResponse }) {
  const { pool, queue } = status;
  return (
    <div class="gauge">
      <div class="row">
        <span class="grow">Calls in flight</span>
        <strong>
          {count(pool?.inUse ?? 0)} of {count(pool?.limit ?? 0)}
        </strong>
      </div>
      <Progress done={pool?.inUse ?? 0} total={pool?.limit ?? 0} label="Calls in flight" />
      <p class="muted small">
        Waiting for their turn: {count(queue?.bulk ?? 0n)} of jobs, {count(queue?.interactive ?? 0n)} of other calls.
        {pool !== undefined && !pool.fixed && ` The limit may grow to ${count(pool.ceiling)}.`}
      </p>
    </div>
  );
}

/** The quota groups: what is used, and what they wait for. */
export function Groups({ status }: { status: GetStatusResponse }) {
  return (
    <>
      {status.groups.map((group) => (
        <section class="group" key={group.name} aria-label={group.name}>
          <h3>
            {group.name} <span class="muted">{stateOf(group, status.keys)}</span>
          </h3>
          <Quota name="Requests" quota={group.requests} />
          <Quota name="Tokens" quota={group.tokens} />
        </section>
      ))}
    </>
  );
}

function stateOf(group: QuotaGroupStatus, keys: KeyStatus[]): string {
  const own = keys.filter((key) => key.group === group.name);
  if (own.length > 0 && own.every((key) => key.retiredReason !== "")) {
    return "has no key in service";
  }
  if (group.outage !== undefined) {
    const { host, cause, startTime } = group.outage;
    return `${host} does not answer (${cause}), since ${ago(startTime)}`;
  }
  if (group.breakerOpen) {
    return "the server does not answer";
  }
  if (group.coolDown !== undefined) {
    return `waits ${duration(secondsOf(group.coolDown))} after “too many requests”`;
  }
  if (group.learnedPerSecond > 0) {
    return `paced at ${speed(group.learnedPerSecond)}`;
  }
  return group.braked ? "follows the server’s pace" : "answers";
}

function Quota({ name, quota }: { name: string; quota: QuotaStatus | undefined }) {
  if (quota === undefined) {
    return null;
  }
  const used = Math.max(0, quota.limit - quota.remaining);
  return (
    <div class="gauge">
      <div class="row">
        <span class="grow">{name}</span>
        <span>
          {count(used)} of {count(quota.limit)} used
        </span>
      </div>
      <Progress done={used} total={quota.limit} label={`${name} used`} />
      {quota.resetIn !== undefined && (
        <p class="muted small">All of it is available again in {duration(secondsOf(quota.resetIn))}.</p>
      )}
    </div>
  );
}
