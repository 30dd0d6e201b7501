import { useEffect, useState } from "preact/hooks";
import { CredenzaError, call, operations } from "../server/server.js";
import { onQuestion, question } from "../server/session.js";

/** Whether the caller may operate the server: false until that is known. */
export function useMayOperate(): boolean {
  const [may, setMay] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () =>
      call((o) => operations.getStatus({}, o), { signal: abort.signal }).then(
        () => setMay(true),
        (error) => error instanceof CredenzaError && error.code === "PERMISSION_DENIED" && setMay(false),
      );
    ask();
    const off = onQuestion(() => !question().asked && ask());
    return () => {
      abort.abort();
      off();
    };
  }, []);
  return may;
}
