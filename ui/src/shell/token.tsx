import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../parts/dialog.js";
import { giveToken, onQuestion, question } from "../server/session.js";

/** Asks for a token when the server wants one. */
export function TokenQuestion() {
  const [{ asked, refused }, setQuestion] = useState(question);
  const [text, setText] = useState("");
  useEffect(() => onQuestion(() => setQuestion(question())), []);
  if (!asked) {
    return null;
  }
  const isToken = /^[\x21-\x7e]+$/.test(text.trim());
  return (
    <Dialog title="Sign in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setText("");
          giveToken(text.trim());
        }}
      >
        <p>This server knows its callers by a token. It stays in this page’s memory until the page is closed.</p>
        {refused && (
          <p class="error" role="alert">
            The server did not accept this token.
          </p>
        )}
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            autocomplete="off"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="submit" class="primary" disabled={!isToken}>
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  );
}
