/** What was opened, closed in the reverse order; an error of one does not keep the others open. */
export class Closers {
  readonly #steps: (readonly [name: string, close: () => unknown])[] = [];
  readonly #onError: (name: string, error: unknown) => void;

  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  add(name: string, close: () => unknown): void {
    this.#steps.push([name, close]);
  }

  async closeAll(): Promise<void> {
    for (;;) {
      const step = this.#steps.pop();
      if (step === undefined) return;
      const [name, close] = step;
      try {
        await close();
      } catch (error) {
        this.#onError(name, error);
      }
    }
  }
}
