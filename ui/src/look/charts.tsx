import type { ReviewCount } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { type Bar, Bars, Confidences } from "../parts/bars.js";
import { useLoaded } from "../parts/hooks.js";
import { readable } from "../parts/names.js";
import { call, review } from "../server/server.js";
import { filterOf, type Query, toggled } from "./query.js";

interface ChartsProps {
  jobId: string;
  query: Query;
  /** The query that is counted: that of the table as it is shown. */
  counted: Query;
  version: number;
  onChange: (next: Partial<Query>) => void;
}

/** Each chart shows what the other filters select, so that one can go on choosing in it. */
export function Charts({ jobId, query, counted, version, onChange }: ChartsProps) {
  const { words, categories, styles, reasons, step, state, only } = counted;
  const key = JSON.stringify([words, categories, styles, reasons, step, state, only]);
  const summed = useLoaded(
    async (signal) => {
      const summary = (filter: Query) =>
        call((o) => review.summarizeReview({ jobId, filter: filterOf(filter) }, o), { signal });
      const without = (isSet: boolean, empty: Partial<Query>) =>
        isSet ? summary({ ...counted, ...empty }) : undefined;
      const all = await summary(counted);
      const [ofCategories, ofStyles, ofReasons, ofConfidences] = await Promise.all([
        without(categories.length > 0, { categories: [] }),
        without(styles.length > 0, { styles: [] }),
        without(reasons.length > 0, { reasons: [] }),
        without(step !== undefined, { step: undefined }),
      ]);
      return {
        categories: (ofCategories ?? all).categories,
        styles: (ofStyles ?? all).styles,
        reasons: (ofReasons ?? all).reasons,
        confidences: (ofConfidences ?? all).confidences,
      };
    },
    [jobId, key, version],
  );
  const found = summed.value;
  if (found === undefined) {
    return <NoCharts />;
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

/** The place of the charts until there are any. */
export function NoCharts() {
  return <aside class="charts" aria-label="Charts" aria-busy="true" />;
}

const mostBars = 20;

function barsOf(counts: ReviewCount[]): Bar[] {
  return counts
    .slice(0, mostBars)
    .map(({ name, count }) => ({ key: name, label: readable(name), value: Number(count) }));
}
