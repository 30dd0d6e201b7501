import { useEffect, useState } from "preact/hooks";
import type { ReviewItem } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { Dialog } from "../parts/dialog.js";
import { count } from "../parts/format.js";
import { useLoaded } from "../parts/hooks.js";
import { LoadError, Loading } from "../parts/notice.js";
import { Picture } from "../parts/picture.js";
import { call, review } from "../server/server.js";
import type { ListRequest } from "./book.js";
import { Alternatives, Correct, Row, Said, Trace } from "./facts.js";

interface DetailProps {
  request: ListRequest;
  /** The place of the result in the list. */
  place: number;
  total: number;
  onMove: (place: number) => void;
  onChanged: () => void;
  onClose: () => void;
}

/** All that is known of a result, at the side of the table. */
export function Detail({ request, place, total, onMove, onChanged, onClose }: DetailProps) {
  const { jobId } = request;
  const [wanted, setWanted] = useState({ place, times: 0 });
  useEffect(() => setWanted(({ times }) => ({ place, times })), [place]);
  const loaded = useLoaded(
    async (signal) => {
      const one = { ...request, skip: BigInt(wanted.place), pageSize: 1, withRows: true };
      const { items, columns } = await call((o) => review.listReviewItems(one, o), { signal });
      return { item: items[0], columns };
    },
    [jobId, wanted],
  );
  const [corrected, setCorrected] = useState<ReviewItem>();
  const listed = loaded.value?.item;
  const item = corrected !== undefined && corrected.result?.index === listed?.result?.index ? corrected : listed;
  const move = (by: number) => {
    setCorrected(undefined);
    const next = Math.max(0, Math.min(total - 1, place + by));
    if (next !== place) {
      onMove(next);
    } else {
      setWanted(({ times }) => ({ place: next, times: times + 1 }));
    }
  };
  return (
    <Dialog title={`Result ${count(place + 1)} of ${count(total)}`} onClose={onClose} side>
      <div class="detail">
        <div class="actions is-top">
          <button type="button" disabled={place === 0} onClick={() => move(-1)}>
            ← Previous
          </button>
          <button type="button" disabled={place >= total - 1} onClick={() => move(1)}>
            Next →
          </button>
        </div>
        <LoadError loaded={loaded} />
        {item === undefined && loaded.error === undefined && <Loading />}
        {item !== undefined && (
          <Facts
            key={String(item.result?.index)}
            jobId={jobId}
            item={item}
            columns={loaded.value?.columns ?? []}
            onCorrected={(next) => {
              setCorrected(next);
              onChanged();
            }}
          />
        )}
      </div>
    </Dialog>
  );
}

interface FactsProps {
  jobId: string;
  item: ReviewItem;
  columns: string[];
  onCorrected: (item: ReviewItem | undefined) => void;
}

function Facts({ jobId, item, columns, onCorrected }: FactsProps) {
  const { result } = item;
  if (result === undefined) {
    return null;
  }
  const name = result.productName || "(no name)";
  return (
    <>
      <h3 class="detail-name">
        <bdi>{name}</bdi>
      </h3>
      <div class="detail-picture">
        <Picture jobId={jobId} index={result.index} size={480} has={item.hasPicture} alt={name.slice(0, 200)} says />
      </div>
      <Said item={item} />
      <Correct jobId={jobId} item={item} onCorrected={onCorrected} />
      <Alternatives item={item} />
      <Row columns={columns} cells={item.row?.cells ?? []} />
      <Trace trace={result.trace} index={result.index} itemId={result.itemId} />
    </>
  );
}
