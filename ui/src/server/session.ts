// The token of the caller. It is kept in the memory of this page alone.

type Listener = () => void;

let token: string | undefined;
let refused = false;
let waiting: { answered: Promise<void>; answer: () => void } | undefined;
const listeners = new Set<Listener>();

/** Returns the token that calls send. `undefined`: none. */
export function currentToken(): string | undefined {
  return token;
}

/** Whether the page waits for a token, and whether the one before was refused. */
export function question(): { asked: boolean; refused: boolean } {
  return { asked: waiting !== undefined, refused };
}

/** Calls f after each change of what is asked, until the returned function is called. */
export function onQuestion(f: Listener): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

/**
 * Asks the person for a token, once for all calls that wait, and returns when there is one
 * other than the one that was refused.
 */
export function askForToken(used: string | undefined): Promise<void> {
  if (used !== token) {
    return Promise.resolve();
  }
  if (waiting === undefined) {
    refused = used !== undefined;
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    waiting = { answered, answer };
    tellAll();
  }
  return waiting.answered;
}

/** Gives the calls that wait a token. */
export function giveToken(given: string): void {
  token = given;
  waiting?.answer();
  waiting = undefined;
  tellAll();
}

function tellAll(): void {
  for (const listener of listeners) {
    listener();
  }
}
