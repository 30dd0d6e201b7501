import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Job } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { ReviewOrder } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { LoadError } from "../parts/notice.js";
import { VirtualGrid } from "../parts/virtual.js";
import { go, type Route } from "../shell/route.js";
import { hasEnded } from "../watch/states.js";
import { useBook } from "./book.js";
import { Bulk } from "./bulk.js";
import { Charts, NoCharts } from "./charts.js";
import { Detail } from "./detail.js";
import { Filters } from "./filters.js";
import { filterOf, type Query, queryOf, settingsOf } from "./query.js";
import { Cells, Head, rowHeight } from "./rows.js";

const liveMs = 1500;

/** The results of a job as a table, with filters and charts. */
export function Look({ job, route }: { job: Job; route: Route }) {
  const key = route.settings.toString();
  // The key is the settings as a text.
  const query = useMemo(() => queryOf(route.settings), [key]);
  const filter = useMemo(() => filterOf(query), [query]);
  const [version, refresh] = useVersion(job);
  const { jobId } = job;
  const { order, descending } = query;
  const isReversed = descending && order !== ReviewOrder.REVIEW;
  const book = useBook({ jobId, filter, order, descending: isReversed }, `${jobId}?${key}`, version);
  const [open, setOpen] = useState<number>();
  const [isBulk, setIsBulk] = useState(false);
  const change = (next: Partial<Query>) => go(["jobs", jobId, "look"], settingsOf({ ...query, ...next }), true);
  const total = book.total ?? 0;
  // The charts wait for the table, which a person waits for.
  const settled = useRef<Query>(undefined);
  if (!book.isStale && book.total !== undefined) {
    settled.current = query;
  }
  return (
    <div class="look">
      <Filters query={query} total={book.total} onChange={change} onBulk={() => setIsBulk(true)} />
      <LoadError loaded={{ error: book.error, reload: refresh }} />
      <div class="look-grid">
        <VirtualGrid
          label="Results"
          total={total}
          rowHeight={rowHeight}
          columnCount={7}
          listKey={key}
          isBusy={book.isStale}
          head={<Head query={query} onChange={change} />}
          row={(place) => <Cells item={book.at(place)} jobId={jobId} />}
          onView={book.want}
          onOpen={setOpen}
        />
        {settled.current === undefined ? (
          <NoCharts />
        ) : (
          <Charts jobId={jobId} query={query} counted={settled.current} version={version} onChange={change} />
        )}
      </div>
      {book.total === 0 && <Empty job={job} onClear={() => go(["jobs", jobId, "look"], undefined, true)} />}
      {open !== undefined && total > 0 && (
        <Detail
          request={{ jobId, filter, order, descending: isReversed }}
          place={Math.min(open, total - 1)}
          total={total}
          onMove={setOpen}
          onChanged={refresh}
          onClose={() => setOpen(undefined)}
        />
      )}
      {isBulk && <Bulk jobId={jobId} query={query} onChanged={refresh} onClose={() => setIsBulk(false)} />}
    </div>
  );
}

/** Returns a number that changes while the job goes on, and a function that changes it. */
function useVersion(job: Job): [number, () => void] {
  const [times, setTimes] = useState(0);
  const ended = hasEnded(job);
  useEffect(() => {
    const timer = ended ? undefined : setInterval(() => setTimes((n) => n + 1), liveMs);
    return () => clearInterval(timer);
  }, [ended]);
  // The end is a change too. What is shown first is not fetched twice.
  return [times + Number(ended), () => setTimes((n) => n + 1)];
}

function Empty({ job, onClear }: { job: Job; onClear: () => void }) {
  const isFirst = (job.progress?.done ?? 0n) === 0n;
  return (
    <div class="empty" role="status">
      <p>{isFirst ? "There are no results yet." : "No result is like that."}</p>
      {!isFirst && (
        <button type="button" onClick={onClear}>
          Show all
        </button>
      )}
    </div>
  );
}
