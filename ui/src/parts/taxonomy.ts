import { useEffect, useState } from "preact/hooks";
import type { GetTaxonomyResponse } from "../../../sdk/typescript/src/gen/credenza/v1/classification_service_pb.js";
import { call, classification } from "../server/server.js";
import { sayError } from "../shell/toasts.js";

let loaded: Promise<GetTaxonomyResponse> | undefined;

/** Returns the categories and styles in force, which are loaded once. */
export function useTaxonomy(): { categories: string[]; styles: string[] } {
  const [taxonomy, setTaxonomy] = useState<GetTaxonomyResponse>();
  useEffect(() => {
    loaded ??= call((o) => classification.getTaxonomy({}, o));
    loaded.then(setTaxonomy, (error) => {
      loaded = undefined;
      sayError(error);
    });
  }, []);
  return {
    categories: taxonomy?.categories.map(({ name }) => name) ?? [],
    styles: taxonomy?.styles.map(({ name }) => name) ?? [],
  };
}
