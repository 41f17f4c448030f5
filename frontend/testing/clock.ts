import type { Clock } from "../vault/clock.js";

/** Time that passes only when a test says so. */
export class TestClock implements Clock {
  #elapsed = 0;
  #count = 0;
  readonly #timers = new Map<number, { due: number; run: () => void }>();

  elapsed = (): number => this.#elapsed;

  setTimeout(run: () => void, seconds: number): number {
    this.#count += 1;
    this.#timers.set(this.#count, { due: this.#elapsed + Math.max(seconds, 0), run });
    return this.#count;
  }

  clearTimeout(timer: number | undefined): void {
    if (timer !== undefined) this.#timers.delete(timer);
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass, with every timer in its turn; what a timer starts gets the time it needs before the next one. */
  async advance(seconds: number): Promise<void> {
    const end = this.#elapsed + seconds;
    for (;;) {
      await settled();
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due);
      if (!next || next[1].due > end) break;
      this.#timers.delete(next[0]);
      this.#elapsed = Math.max(this.#elapsed, next[1].due);
      next[1].run();
    }
    this.#elapsed = end;
    await settled();
  }

  /** The computer sleeps, or its clock is set: time has passed, and no timer has run. */
  jump(seconds: number): void {
    this.#elapsed += seconds;
  }
}

/** Lets everything that is under way come to rest: promises, messages between channels, signatures. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await crypto.subtle.digest("SHA-256", new Uint8Array(1));
  }
}

/** Waits for what is meant, and says what it was when it never comes. */
export async function until<Value>(wanted: () => Value | undefined | false | null): Promise<Value> {
  const start = performance.now();
  while (performance.now() - start < 10_000) {
    const value = wanted();
    if (value) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`this never came true: ${wanted}`);
}
