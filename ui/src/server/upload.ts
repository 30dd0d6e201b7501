// The upload of a file, which is no call of the contract's services but a POST.

import { base, CredenzaError } from "./server.js";
import { askForToken, currentToken } from "./session.js";

/** Uploads a file and returns the name that the server gave it. Progress is the share of the bytes that were sent. */
export async function upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<string> {
  for (;;) {
    const used = currentToken();
    const { status, text } = await post(file, used, progress, signal);
    if (status === 401) {
      await askForToken(used);
      continue;
    }
    const answer = parsed(text);
    if (status < 200 || status > 299 || typeof answer.upload_id !== "string") {
      throw new CredenzaError("UNKNOWN", answer.error || `the server answered ${status}`);
    }
    return answer.upload_id;
  }
}

function parsed(text: string): { upload_id?: unknown; error?: string | undefined } {
  try {
    const { upload_id, error, message, detail } = JSON.parse(text);
    const said = [error?.message, error, message, detail].find((candidate) => typeof candidate === "string");
    return { upload_id, error: said };
  } catch {
    return { error: text.slice(0, 500) };
  }
}

function post(file: File, token: string | undefined, progress: (share: number) => void, signal: AbortSignal) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${base}/v1/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    if (token !== undefined) {
      request.setRequestHeader("authorization", `Bearer ${token}`);
    }
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => reject(new CredenzaError("UNAVAILABLE", "the upload broke off: try again"));
    request.onabort = () => reject(new CredenzaError("CANCELLED", "the upload was given up"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
