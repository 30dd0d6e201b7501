import { useState } from "preact/hooks";
import { LogLevel, type Settings } from "../../../sdk/typescript/src/gen/credenza/v1/operations_service_pb.js";
import { call, operations } from "../server/server.js";
import { say, sayError } from "../shell/toasts.js";

const levels = [
  [LogLevel.DEBUG, "Everything (debug)"],
  [LogLevel.INFO, "Calls and batches (info)"],
  [LogLevel.WARN, "Warnings"],
  [LogLevel.ERROR, "Errors"],
] as const;

/** Changes what can be changed while the server runs. */
export function SettingsForm({ settings, onChanged }: { settings: Settings; onChanged: () => void }) {
  const [workers, setWorkers] = useState<string>();
  const [level, setLevel] = useState<LogLevel>();
  const maxWorkers = Number(workers ?? settings.maxWorkers);
  const isRight = Number.isInteger(maxWorkers) && maxWorkers >= 1 && maxWorkers <= 4096;
  const isChanged = (workers !== undefined && maxWorkers !== settings.maxWorkers) || level !== undefined;
  const save = async () => {
    const changes = { ...(workers !== undefined && { maxWorkers }), ...(level !== undefined && { logLevel: level }) };
    try {
      await call((o) => operations.updateSettings(changes, o));
      setWorkers(undefined);
      setLevel(undefined);
      say("The settings are in force.");
      onChanged();
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <label class="field">
        <span>Most calls in flight</span>
        <input
          type="number"
          min={1}
          max={4096}
          value={workers ?? settings.maxWorkers}
          onInput={(event) => setWorkers(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Log</span>
        <select value={level ?? settings.logLevel} onChange={(event) => setLevel(Number(event.currentTarget.value))}>
          {levels.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div class="actions">
        <button type="submit" class="primary" disabled={!isChanged || !isRight}>
          Change
        </button>
      </div>
    </form>
  );
}
