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

/**
 * The longest that a browser's own timer is left alone, in seconds. It may sleep with the computer, so that a deadline
 * is looked at again this long after the computer woke up; and above 2³¹ ms it would fire at once.
 */
const LONGEST_TIMER = 30;

export function systemClock(): Clock {
  let wall = Date.now();
  let steady = performance.now();
  let sum = 0;
  let count = 0;
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  const elapsed = () => {
    const [nextWall, nextSteady] = [Date.now(), performance.now()];
    sum += Math.max(nextWall - wall, nextSteady - steady, 0) / 1000;
    [wall, steady] = [nextWall, nextSteady];
    return sum;
  };
  const wait = (timer: number, run: () => void, due: number) => {
    const left = Math.min(Math.max(due - elapsed(), 0), LONGEST_TIMER);
    const look = () => {
      if (elapsed() < due) {
        wait(timer, run, due);
      } else {
        timers.delete(timer);
        run();
      }
    };
    timers.set(timer, setTimeout(look, left * 1000));
  };
  return {
    elapsed,
    setTimeout: (run, seconds) => {
      count += 1;
      wait(count, run, elapsed() + seconds);
      return count;
    },
    clearTimeout: (timer) => {
      if (timer === undefined) return;
      clearTimeout(timers.get(timer));
      timers.delete(timer);
    },
  };
}
