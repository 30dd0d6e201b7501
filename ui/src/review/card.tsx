import type { RefObject } from "preact";
import type { ReviewItem } from "../../../sdk/typescript/src/gen/credenza/v1/review_service_pb.js";
import { Row } from "../look/facts.js";
import { Meter } from "../parts/bars.js";
import { readable } from "../parts/names.js";
import { Picture } from "../parts/picture.js";
import { machineLabels } from "./corrections.js";
import { Find } from "./find.js";
import { LabelChoice } from "./labels.js";

/** The longest side of the picture of a product. */
export const pictureSize = 420;

/** A category that can be chosen with a key. */
export interface Choice {
  category: string;
  /** `undefined`: not known. */
  probability: number | undefined;
}

const mostChoices = 9;

/** Returns the categories of the keys 1 to 9: the likeliest first, then the others of the taxonomy. */
export function choicesOf(item: ReviewItem, categories: readonly string[]): Choice[] {
  const { outcome } = item.result ?? {};
  const found = outcome?.case === "classification" ? outcome.value : undefined;
  const choices: Choice[] = [...(found?.alternatives ?? [])]
    .sort((a, b) => b.probability - a.probability)
    .map(({ category, probability }) => ({ category, probability }));
  for (const category of [found?.category ?? "", ...categories]) {
    if (category !== "" && !choices.some((choice) => choice.category === category)) {
      choices.push({ category, probability: undefined });
    }
  }
  return choices.slice(0, mostChoices);
}

/** Something that can be done with a product, and its key. */
export interface Command {
  name: string;
  key: string;
  isPrimary?: boolean;
  isOff: boolean;
  run: () => void;
}

interface CardProps {
  jobId: string;
  item: ReviewItem;
  /** The names of the columns of the product's row. */
  columns: string[];
  choices: Choice[];
  cardRef: RefObject<HTMLElement | null>;
  onChoose: (category: string) => void;
  style: string;
  styles: string[];
  onStyle: (style: string) => void;
  categories: string[];
  isSearching: boolean;
  onSearch: (isSearching: boolean) => void;
  commands: Command[];
}

/** A product and the decision on it. */
export function Card(props: CardProps) {
  const { jobId, item, choices, cardRef, onChoose, categories, isSearching, onSearch } = props;
  const { result } = item;
  const found = result?.outcome.case === "classification" ? result.outcome.value : undefined;
  const error = result?.outcome.case === "error" ? result.outcome.value : undefined;
  const name = result?.productName || "(no name)";
  return (
    <article class="review-card" ref={cardRef} tabIndex={-1} aria-label={`Decide on ${name.slice(0, 200)}`}>
      <div class={item.hasPicture ? "review-evidence has-picture" : "review-evidence"}>
        <div class="review-picture">
          <Picture
            jobId={jobId}
            index={result?.index ?? 0n}
            size={pictureSize}
            has={item.hasPicture}
            alt={name.slice(0, 200)}
            says
          />
        </div>
        <Row columns={props.columns} cells={item.row?.cells ?? []} />
      </div>
      <div class="review-side">
        <h2 class="review-name">
          <bdi>{name.slice(0, 400)}</bdi>
        </h2>
        <p class="muted">
          <bdi>{error ? error.message : found?.reasoning}</bdi>
        </p>
        <Commands commands={props.commands} />
        <Choices choices={choices} machine={machineLabels(item).category} onChoose={onChoose} />
        {isSearching ? (
          <Find categories={categories} onChoose={onChoose} onClose={() => onSearch(false)} cardRef={cardRef} />
        ) : (
          <button type="button" class="quiet is-left" onClick={() => onSearch(true)}>
            Another category <kbd>/</kbd>
          </button>
        )}
        {props.styles.length > 0 && (
          <LabelChoice
            name="Style"
            value={props.style}
            names={props.styles}
            none={props.style === "" ? "–" : undefined}
            onChange={props.onStyle}
          />
        )}
      </div>
    </article>
  );
}

function Choices({
  choices,
  machine,
  onChoose,
}: {
  choices: Choice[];
  machine: string;
  onChoose: (category: string) => void;
}) {
  return (
    <ol class="review-choices" aria-label="Categories">
      {choices.map(({ category, probability }, at) => (
        <li key={category} class={probability === undefined ? "" : "has-probability"}>
          <button
            type="button"
            class={category === machine ? "review-choice is-machine" : "review-choice"}
            aria-keyshortcuts={String(at + 1)}
            onClick={() => onChoose(category)}
          >
            <kbd>{at + 1}</kbd>
            <span class="grow clip">{readable(category)}</span>
            {probability !== undefined && <Meter share={probability} label="Probability" />}
          </button>
        </li>
      ))}
    </ol>
  );
}

function Commands({ commands }: { commands: Command[] }) {
  return (
    <div class="actions review-commands">
      {commands.map(({ name, key, isPrimary, isOff, run }) => (
        <button
          type="button"
          key={name}
          class={isPrimary ? "primary" : ""}
          aria-keyshortcuts={key}
          disabled={isOff}
          onClick={run}
        >
          {name} <kbd>{key}</kbd>
        </button>
      ))}
    </div>
  );
}
