/**
 * Time that neither a clock jump nor sleep can hold back. `performance.now()` may stand still while the computer
 * sleeps; `Date.now()` may be set back. What counts is whichever moved further.
 */
export interface Clock {
  /** Seconds, ever growing. */
  elapsed(): number;
  setTimeout(run: () => void, seconds: number): number;
  clearTimeout(timer: number | undefined): void;
}

/** Above 2³¹ ms a browser's timer fires at once; a timer that fires early is set again. */
const LONGEST_TIMER = 24 * 3600;

export function systemClock(): Clock {
  let wall = Date.now();
  let steady = performance.now();
  let sum = 0;
  return {
    elapsed() {
      const [nextWall, nextSteady] = [Date.now(), performance.now()];
      sum += Math.max(nextWall - wall, nextSteady - steady, 0) / 1000;
      [wall, steady] = [nextWall, nextSteady];
      return sum;
    },
    setTimeout: (run, seconds) =>
      setTimeout(run, Math.min(Math.max(seconds, 0), LONGEST_TIMER) * 1000) as unknown as number,
    clearTimeout: (timer) => clearTimeout(timer),
  };
}
