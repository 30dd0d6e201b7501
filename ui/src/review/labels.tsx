import { readable } from "../parts/names.js";

interface LabelProps {
  name: string;
  value: string;
  names: readonly string[];
  /** What the empty choice says. `undefined`: there is none. */
  none: string | undefined;
  onChange: (value: string) => void;
}

/** A choice among the names of the taxonomy. */
export function LabelChoice({ name, value, names, none, onChange }: LabelProps) {
  return (
    <label class="field">
      <span>{name}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {names.map((choice) => (
          <option key={choice} value={choice}>
            {readable(choice)}
          </option>
        ))}
        {value !== "" && !names.includes(value) && <option value={value}>{readable(value)}</option>}
      </select>
    </label>
  );
}
