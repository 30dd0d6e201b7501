import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Job } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import type { ReviewItem } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { Progress } from "../parts/bars.js";
import { count, percent } from "../parts/format.js";
import { useKeys } from "../parts/hooks.js";
import { readable } from "../parts/names.js";
import { LoadError, Loading } from "../parts/notice.js";
import { picture } from "../parts/pictures.js";
import { useTaxonomy } from "../parts/taxonomy.js";
import { addressOf } from "../shell/route.js";
import { hasEnded } from "../watch/states.js";
import { Card, choicesOf, pictureSize } from "./card.js";
import { machineLabels, person, setPerson } from "./corrections.js";
import { type Queue, useQueue } from "./queue.js";

/** The review of a job: one decision at a time, the doubtful first. */
export function Review({ job }: { job: Job }) {
  const { jobId } = job;
  const queue = useQueue(jobId, hasEnded(job));
  const [item] = queue.items;
  useNextPictures(jobId, queue.items);
  return (
    <div class="review" aria-busy={queue.isStoring}>
      <Head queue={queue} />
      <LoadError loaded={{ error: queue.error, reload: () => queue.fetch() }} />
      {item === undefined ? (
        <Nothing job={job} queue={queue} />
      ) : (
        <Decide key={String(item.result?.index)} jobId={jobId} item={item} queue={queue} />
      )}
    </div>
  );
}

function Head({ queue }: { queue: Queue }) {
  const [name, setName] = useState(person());
  const { progress } = queue;
  return (
    <header class="review-head">
      <div class="grow">
        <p class="row small">
          <span class="grow" role="status">
            {progress === undefined
              ? "…"
              : `${count(progress.done)} of ${count(progress.total)} checked (${percent(progress.total > 0 ? progress.done / progress.total : 1)})`}
          </span>
          <span class="muted review-hint">The doubtful first, then a tenth of the others.</span>
        </p>
        <Progress done={progress?.done ?? 0} total={progress?.total ?? 0} label="Progress of the review" />
      </div>
      <label class="field is-inline">
        <span>Your name</span>
        <input
          type="text"
          maxlength={200}
          value={name}
          placeholder="for the record"
          onInput={(event) => {
            setName(event.currentTarget.value);
            setPerson(event.currentTarget.value.trim());
          }}
        />
      </label>
    </header>
  );
}

function Decide({ jobId, item, queue }: { jobId: string; item: ReviewItem; queue: Queue }) {
  const { categories, styles } = useTaxonomy();
  const [isSearching, setIsSearching] = useState(false);
  const [style, setStyle] = useState("");
  const card = useRef<HTMLElement>(null);
  const machine = machineLabels(item);
  const choices = choicesOf(item, categories);
  const primaryStyle = style === machine.primaryStyle ? "" : style;
  const choose = (category: string) =>
    queue.decide({ category: category === machine.category ? "" : category, primaryStyle });
  const acceptName = machine.category === "" ? "Accept" : `Accept ${readable(machine.category)}`;
  const accept = () => machine.category !== "" && queue.decide({ primaryStyle });
  // Each product gets the focus, so that keys and screen readers go on from it.
  useLayoutEffect(() => card.current?.focus({ preventScroll: true }), []);
  useKeys((event) => {
    const choice = /^[1-9]$/.test(event.key) ? choices[Number(event.key) - 1] : undefined;
    const isOnButton = event.target instanceof Element && event.target.closest("button, a, summary") !== null;
    const act = choice !== undefined ? () => choose(choice.category) : actions[event.key];
    if (act !== undefined && !(event.key === "Enter" && isOnButton) && !event.repeat) {
      event.preventDefault();
      act();
    }
  });
  const actions: Record<string, () => void> = {
    Enter: accept,
    u: () => queue.undo(),
    l: () => queue.later(),
    "/": () => setIsSearching(true),
  };
  return (
    <Card
      jobId={jobId}
      item={item}
      columns={queue.columns}
      choices={choices}
      cardRef={card}
      onChoose={choose}
      style={style || machine.primaryStyle}
      styles={styles}
      onStyle={(next) => {
        setStyle(next);
        card.current?.focus();
      }}
      categories={categories}
      isSearching={isSearching}
      onSearch={setIsSearching}
      commands={[
        { name: acceptName, key: "Enter", isPrimary: true, isOff: machine.category === "", run: accept },
        { name: "Undo", key: "u", isOff: !queue.canUndo, run: () => queue.undo() },
        { name: "Later", key: "l", isOff: queue.items.length < 2, run: () => queue.later() },
      ]}
    />
  );
}

function Nothing({ job, queue }: { job: Job; queue: Queue }) {
  useKeys((event) => {
    if (event.key === "u") {
      queue.undo();
    }
  });
  if (queue.progress === undefined) {
    return queue.error === undefined ? <Loading /> : null;
  }
  const isDone = queue.progress.total > 0;
  return (
    <div class="empty" role="status">
      <p class="lead">{isDone ? "All is checked." : "There is nothing to review yet."}</p>
      {!hasEnded(job) && <p class="muted">More may come while the job goes on.</p>}
      <div class="actions">
        {queue.canUndo && (
          <button type="button" onClick={() => queue.undo()}>
            Undo the last <kbd>u</kbd>
          </button>
        )}
        <a class="button is-primary" href={addressOf(["jobs", job.jobId, "out"])}>
          Export
        </a>
      </div>
    </div>
  );
}

const picturesAhead = 3;

/** Fetches the pictures of the next products before they are shown. */
function useNextPictures(jobId: string, items: readonly ReviewItem[]): void {
  const next = items.slice(1, 1 + picturesAhead).filter(({ hasPicture }) => hasPicture);
  const key = next.map(({ result }) => result?.index).join();
  // The key names the products.
  useEffect(() => {
    const abort = new AbortController();
    const pixels = Math.min(1024, Math.round(pictureSize * Math.min(2, window.devicePixelRatio || 1)));
    for (const { result } of next.toReversed()) {
      picture(jobId, result?.index ?? 0n, pixels, abort.signal).catch(() => {});
    }
    return () => abort.abort();
  }, [jobId, key]);
}
