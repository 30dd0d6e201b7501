import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../server/server.js";
import { keptPicture, picture } from "./pictures.js";

interface PictureProps {
  jobId: string;
  index: bigint;
  /** Its longest side in pixels of the page. */
  size: number;
  /** Whether there may be a picture. */
  has: boolean;
  /** What it shows. Empty: the text next to it says so. */
  alt: string;
  /** Whether the reason is written out if there is none. */
  says?: boolean;
}

/** The picture of a result. It is fetched when it is shown first. */
export function Picture({ jobId, index, size, has, alt, says }: PictureProps) {
  const pixels = Math.min(1024, Math.round(size * Math.min(2, window.devicePixelRatio || 1)));
  const [address, setAddress] = useState(() => keptPicture(jobId, index, pixels));
  const [reason, setReason] = useState("");
  useEffect(() => {
    const abort = new AbortController();
    setReason("");
    setAddress(keptPicture(jobId, index, pixels));
    if (has) {
      picture(jobId, index, pixels, abort.signal).then(
        (found) => !abort.signal.aborted && setAddress(found),
        (error) => !abort.signal.aborted && setReason(messageOf(error)),
      );
    }
    return () => abort.abort();
  }, [jobId, index, pixels, has]);
  if (has && address !== undefined) {
    return <img class="picture" src={address} alt={alt} draggable={false} />;
  }
  const text = has ? reason : "This product has no picture.";
  return (
    <span class={`picture is-missing ${has && reason === "" ? "is-awaited" : ""}`} title={text}>
      {says && text}
    </span>
  );
}
