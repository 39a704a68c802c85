/** Tells what is wrong once, and not at every try: again when it is something else, or was over in between. */
export class SaidOnce {
  readonly #tell: (message: string) => void;
  #said = "";

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  say(message: string): void {
    if (message !== this.#said) this.#tell(message);
    this.#said = message;
  }

  over(): void {
    this.#said = "";
  }
}
