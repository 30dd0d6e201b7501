/** A signal of a call's own, which is aborted when the caller's is. */
export class Abort {
  readonly #own = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #follow = () => this.#own.abort(this.#caller?.reason);

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
    if (caller?.aborted) {
      this.#follow();
    }
    caller?.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Ends what the signal was given to. */
  end(): void {
    this.#caller?.removeEventListener("abort", this.#follow);
    this.#own.abort();
  }
}
