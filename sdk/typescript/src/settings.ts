// The settings of a call as messages of the contract.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CredenzaError } from "./error.js";
import {
  CachePolicy,
  ClassifyOptionsSchema,
  Delivery,
  ImageFallback,
  Mode,
  type ClassifyOptions as OptionsMessage,
  Priority,
} from "./gen/credenza/v1/options_pb.js";
import { durationOf } from "./time.js";
import type { ClassifyOptions } from "./types.js";

/** Returns the mode of a call. */
export function modeOf(options: ClassifyOptions): Mode {
  return choose("mode", modes, options.mode ?? "auto");
}

/** Returns the value of a choice. One that does not exist would mean the default, so it is an error. */
export function choose<C extends object>(name: string, choices: C, choice: keyof C & string): C[keyof C] {
  if (!Object.hasOwn(choices, choice)) {
    const known = Object.keys(choices).filter((key) => key !== "UNSPECIFIED");
    throw new CredenzaError("INVALID_ARGUMENT", `${name} is ${JSON.stringify(choice)}: use one of ${known.join(", ")}`);
  }
  return choices[choice];
}

const modes = { auto: Mode.AUTO, text: Mode.TEXT, image: Mode.IMAGE };
const policies = { use: CachePolicy.USE, refresh: CachePolicy.REFRESH, bypass: CachePolicy.BYPASS };

/**
 * Results in a batch of a call whose caller does not say. The server's own size is for
 * callers that show batches; here each message costs as much as several results.
 */
const batchSize = 100;

/** Returns the options of a call. */
export function optionsOf(options: ClassifyOptions): OptionsMessage {
  const init: MessageInitShape<typeof ClassifyOptionsSchema> = {
    batchSize: options.batchSize ?? (options.inOrder ? 0 : batchSize),
    delivery: options.inOrder ? Delivery.IN_ORDER : Delivery.AS_COMPLETED,
    priority: options.bulk ? Priority.BULK : Priority.INTERACTIVE,
    cachePolicy: choose("cache", policies, options.cache ?? "use"),
    imageFallback: options.failWithoutPicture ? ImageFallback.ERROR : ImageFallback.TEXT,
    model: options.model ?? "",
  };
  if (options.itemTimeout !== undefined) {
    init.itemTimeout = durationOf(options.itemTimeout);
  }
  return create(ClassifyOptionsSchema, init);
}

/** Returns the overrides of columns, whose fields have the contract's names. */
export function overridesOf(columns: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(columns ?? {}).map(([field, column]) => [snakeCase(field), column]));
}

const fields = ["productName", "priceRange", "productUrl", "imageUrl", "imageData"];

function snakeCase(field: string): string {
  return fields.includes(field) ? field.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`) : field;
}
