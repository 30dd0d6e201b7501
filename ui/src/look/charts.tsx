import type { ReviewCount } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { type Bar, Bars, Confidences } from "../parts/bars.js";
import { useLoaded } from "../parts/hooks.js";
import { readable } from "../parts/names.js";
import { call, review } from "../server/server.js";
import { filterOf, type Query, toggled } from "./query.js";

interface ChartsProps {
  jobId: string;
  query: Query;
  version: number;
  onChange: (next: Partial<Query>) => void;
}

/** Each chart shows what the other filters select, so that one can go on choosing in it. */
export function Charts({ jobId, query, version, onChange }: ChartsProps) {
  const key = JSON.stringify([
    query.words,
    query.categories,
    query.styles,
    query.reasons,
    query.step,
    query.state,
    query.only,
  ]);
  const counted = useLoaded(
    async (signal) => {
      const summary = (filter: Query) =>
        call((o) => review.summarizeReview({ jobId, filter: filterOf(filter) }, o), { signal });
      const without = (isSet: boolean, empty: Partial<Query>) => (isSet ? summary({ ...query, ...empty }) : undefined);
      const [all, categories, styles, reasons, step] = await Promise.all([
        summary(query),
        without(query.categories.length > 0, { categories: [] }),
        without(query.styles.length > 0, { styles: [] }),
        without(query.reasons.length > 0, { reasons: [] }),
        without(query.step !== undefined, { step: undefined }),
      ]);
      return {
        categories: (categories ?? all).categories,
        styles: (styles ?? all).styles,
        reasons: (reasons ?? all).reasons,
        confidences: (step ?? all).confidences,
      };
    },
    [jobId, key, version],
  );
  const found = counted.value;
  if (found === undefined) {
    return <aside class="charts" aria-label="Charts" aria-busy="true" />;
  }
  return (
    <aside class="charts" aria-label="Charts">
      <Bars
        title="Categories"
        bars={barsOf(found.categories)}
        chosen={query.categories}
        onToggle={(name) => onChange({ categories: toggled(query.categories, name) })}
      />
      <Confidences
        steps={found.confidences.map(Number)}
        chosen={query.step}
        onToggle={(step) => onChange({ step: query.step === step ? undefined : step })}
      />
      <Bars
        title="Styles"
        bars={barsOf(found.styles)}
        chosen={query.styles}
        onToggle={(name) => onChange({ styles: toggled(query.styles, name) })}
      />
      <Bars
        title="Errors"
        bars={barsOf(found.reasons)}
        chosen={query.reasons}
        onToggle={(name) => onChange({ reasons: toggled(query.reasons, name) })}
      />
    </aside>
  );
}

const mostBars = 20;

function barsOf(counts: ReviewCount[]): Bar[] {
  return counts
    .slice(0, mostBars)
    .map(({ name, count }) => ({ key: name, label: readable(name), value: Number(count) }));
}
