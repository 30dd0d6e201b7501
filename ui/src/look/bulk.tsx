import { useState } from "preact/hooks";
import { Dialog } from "../parts/dialog.js";
import { counted } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { useTaxonomy } from "../parts/taxonomy.js";
import { correctAll, undo } from "../review/corrections.js";
import { LabelChoice } from "../review/labels.js";
import { messageOf } from "../server/server.js";
import { say, sayError } from "../shell/toasts.js";
import { filterOf, isFiltered, type Query } from "./query.js";

interface BulkProps {
  jobId: string;
  query: Query;
  onChanged: () => void;
  onClose: () => void;
}

/** One correction for all results that the filters select, after a look at how many that are. */
export function Bulk({ jobId, query, onChanged, onClose }: BulkProps) {
  const { categories, styles } = useTaxonomy();
  const [category, setCategory] = useState("");
  const [primaryStyle, setPrimaryStyle] = useState("");
  const [secondaryStyle, setSecondaryStyle] = useState("");
  const [note, setNote] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState("");
  const filter = filterOf(query);
  const correction = { category, primaryStyle, secondaryStyle, note: note.trim() };
  const preview = useLoaded(
    () => correctAll(jobId, filter, correction, true),
    [jobId, JSON.stringify(query), category, primaryStyle, secondaryStyle, note.trim()],
  );
  const changed = preview.value?.changed;
  const store = async () => {
    setIsBusy(true);
    setError("");
    try {
      const { changed, changeId } = await correctAll(jobId, filter, correction, false);
      const takeBack = () =>
        undo(jobId, changeId).then((undone) => {
          say(`${counted(undone.changed, "result")} are as before.`);
          onChanged();
        }, sayError);
      say(`${counted(changed, "result")} changed.`, { label: "Undo", run: takeBack });
      onChanged();
      onClose();
    } catch (thrown) {
      setError(messageOf(thrown));
      setIsBusy(false);
    }
  };
  const accepts = category === "" && primaryStyle === "" && secondaryStyle === "";
  return (
    <Dialog title="Change all" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          store();
        }}
      >
        <p>{isFiltered(query) ? "Of all results that the filters select:" : "Of all results of the job:"}</p>
        <LabelChoice name="Category" value={category} names={categories} none="As it is" onChange={setCategory} />
        <LabelChoice name="Style" value={primaryStyle} names={styles} none="As it is" onChange={setPrimaryStyle} />
        <LabelChoice
          name="Second style"
          value={secondaryStyle}
          names={styles}
          none="As it is"
          onChange={setSecondaryStyle}
        />
        <label class="field">
          <span>Note</span>
          <input type="text" maxlength={1000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <p class="preview-count" role="status" aria-busy={preview.isLoading}>
          {preview.error !== undefined && <span class="error">{messageOf(preview.error)}</span>}
          {preview.error === undefined && changed !== undefined && (
            <strong>
              {counted(changed, "result")} will be {accepts ? "accepted" : "changed"}.
            </strong>
          )}
        </p>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="actions">
          <button type="submit" class="primary" disabled={isBusy || preview.isLoading || !changed}>
            {accepts ? "Accept all" : "Change all"}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
