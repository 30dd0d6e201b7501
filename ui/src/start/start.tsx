import { go, type Route } from "../shell/route.js";
import { Drop } from "./drop.js";
import { Prepare } from "./prepare.js";

/** The view that makes a job of a file. The upload is named in the address, so that loading the page again loses nothing. */
export function Start({ route }: { route: Route }) {
  const uploadId = route.settings.get("upload") ?? "";
  if (uploadId !== "") {
    return <Prepare uploadId={uploadId} key={uploadId} />;
  }
  return <Drop onUploaded={(id) => go(["start"], new URLSearchParams({ upload: id }))} />;
}
