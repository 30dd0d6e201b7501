import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import {
  type GetStatusResponse,
  type ModelProfile,
  ProfileSource,
} from "../../../sdk/typescript/src/gen/credenza/v1/operations_service_pb.js";
import { ago, bytes, count, percent } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { LoadError, Loading } from "../parts/notice.js";
import { call, operations } from "../server/server.js";
import { Groups, Pool } from "./gate.js";
import { Latency, Warnings } from "./latency.js";
import { SettingsForm } from "./settings.js";

/** The state of the server, live. */
export function Operate() {
  useEffect(() => {
    document.title = "Operate – Credenza";
  }, []);
  const loaded = useLoaded(
    (signal) => call((o) => operations.getStatus({}, o), { signal }),
    [],
    () => 1000,
  );
  const status = loaded.value;
  if (status === undefined) {
    return <div class="view">{loaded.error === undefined ? <Loading /> : <LoadError loaded={loaded} />}</div>;
  }
  return (
    <div class="view">
      <header class="view-head">
        <div>
          <h1>Operate</h1>
          <p class="muted">
            Credenza {status.version} · {status.backend === "offline" ? "offline classifier" : status.model} · started{" "}
            {ago(status.startTime)}
          </p>
        </div>
        <span class={`badge ${status.ready ? "is-succeeded" : "is-paused"}`}>
          {status.ready ? "Ready" : "Not ready"}
        </span>
      </header>
      <LoadError loaded={loaded} />
      <div class="tiles">
        <Card title="Calls to the model">
          <Pool status={status} />
        </Card>
        <Card title="Answer times">
          <Latency status={status} />
        </Card>
        <Card title="Cache">
          <Cache status={status} />
        </Card>
        <Card title="Settings, until the server ends">
          {status.settings && <SettingsForm settings={status.settings} onChanged={loaded.reload} />}
        </Card>
        {status.groups.length > 0 && (
          <Card title="Quota groups">
            <Groups status={status} />
          </Card>
        )}
        {status.callers.length > 0 && (
          <Card title="Callers with caps">
            <Callers status={status} />
          </Card>
        )}
      </div>
      {status.keys.length > 0 && (
        <Card title="Keys">
          <Keys status={status} />
        </Card>
      )}
      {status.warnings.length > 0 && (
        <Card title="Last warnings">
          <Warnings lines={status.warnings} />
        </Card>
      )}
      {status.profiles.map((profile) => (
        <Profile key={`${profile.groups.join()} ${profile.model}`} profile={profile} />
      ))}
    </div>
  );
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Cache({ status }: { status: GetStatusResponse }) {
  const { cache } = status;
  if (cache === undefined) {
    return <p class="muted">There is none.</p>;
  }
  const asked = Number(cache.hits + cache.misses);
  return (
    <dl class="facts">
      <div>
        <dt>Answers kept in memory</dt>
        <dd>{count(cache.entries)}</dd>
      </div>
      <div>
        <dt>Memory</dt>
        <dd>{bytes(cache.bytes)}</dd>
      </div>
      <div>
        <dt>Answered from it</dt>
        <dd>{asked === 0 ? "–" : percent(Number(cache.hits) / asked)}</dd>
      </div>
    </dl>
  );
}

function Keys({ status }: { status: GetStatusResponse }) {
  return (
    // An area that scrolls is reached by the keyboard.
    <section class="scroll-x" tabindex={0} aria-label="Keys">
      <table class="plain keys">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">Group</th>
            <th scope="col" class="is-number">
              In flight
            </th>
            <th scope="col" class="is-number">
              Calls
            </th>
            <th scope="col" class="is-number">
              Failed
            </th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {status.keys.map((key) => (
            <tr key={`${key.group} ${key.suffix}`}>
              <td>…{key.suffix}</td>
              <td>{key.group}</td>
              <td class="is-number">{count(key.inFlight)}</td>
              <td class="is-number">{count(key.calls)}</td>
              <td class="is-number">{count(key.failures)}</td>
              <td>{key.retiredReason || "in service"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Callers({ status }: { status: GetStatusResponse }) {
  return (
    <ul class="lines">
      {status.callers.flatMap((caller) =>
        caller.caps.map((cap) => (
          <li key={`${caller.name} ${cap.name}`}>
            <bdi>{caller.name}</bdi>: {count(cap.used)} of {count(cap.limit)} {cap.name.replaceAll("_", " ")}
          </li>
        )),
      )}
    </ul>
  );
}

const sources: Record<ProfileSource, string> = {
  [ProfileSource.UNSPECIFIED]: "",
  [ProfileSource.DEFAULT]: "default",
  [ProfileSource.PRESET]: "known of the provider",
  [ProfileSource.SET]: "set",
  [ProfileSource.LEARNED]: "learned",
};

function Profile({ profile }: { profile: ModelProfile }) {
  return (
    <details class="card">
      <summary>
        How {profile.model} is asked {!profile.settled && <span class="muted">(not settled yet)</span>}
      </summary>
      <p class="muted">{profile.groups.join(", ")}</p>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col">Value</th>
            <th scope="col">Source</th>
          </tr>
        </thead>
        <tbody>
          {profile.parts.map((part) => (
            <tr key={part.name}>
              <td>{part.name.replaceAll("_", " ")}</td>
              <td>{part.value}</td>
              <td class="muted">{sources[part.source]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
