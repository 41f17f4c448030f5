import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "./clock.js";

/** This machine's clocks, in the hands of the test: `wall` can be set, `steady` may stand still during sleep. */
let wall = 0;
let steady = 0;
let timers: { run: () => void; due: number; id: number }[] = [];
let count = 0;

beforeEach(() => {
  [wall, steady, timers, count] = [1_800_000_000_000, 5000, [], 0];
  vi.spyOn(Date, "now").mockImplementation(() => wall);
  vi.spyOn(performance, "now").mockImplementation(() => steady);
  vi.stubGlobal("setTimeout", (run: () => void, ms: number) => {
    if (ms >= 2 ** 31) throw new Error("a browser would run this at once");
    count += 1;
    timers.push({ run, due: steady + ms, id: count });
    return count;
  });
  vi.stubGlobal("clearTimeout", (id: number) => {
    timers = timers.filter((timer) => timer.id !== id);
  });
});
afterEach(() => vi.unstubAllGlobals());

/** Seconds go by while the computer is awake. */
function pass(seconds: number): void {
  const end = steady + seconds * 1000;
  for (;;) {
    timers.sort((a, b) => a.due - b.due);
    if (!timers[0] || timers[0].due > end) break;
    const [timer] = timers.splice(0, 1);
    wall += timer.due - steady;
    steady = timer.due;
    timer.run();
  }
  wall += end - steady;
  steady = end;
}

/** The computer sleeps: nothing runs, and only the wall clock goes on. */
function sleep(seconds: number): void {
  wall += seconds * 1000;
}

describe("the vault's time", () => {
  test("counts seconds", () => {
    const clock = systemClock();
    const start = clock.elapsed();
    pass(90);
    expect(clock.elapsed() - start).toBeCloseTo(90);
  });

  test("counts sleep", () => {
    const clock = systemClock();
    const start = clock.elapsed();
    sleep(3600);
    expect(clock.elapsed() - start).toBeCloseTo(3600);
  });

  test("never runs back and never stands still when the clock is set back", () => {
    const clock = systemClock();
    const start = clock.elapsed();
    wall -= 7 * 24 * 3600 * 1000;
    expect(clock.elapsed()).toBeGreaterThanOrEqual(start);
    pass(60);
    expect(clock.elapsed() - start).toBeCloseTo(60);
  });
});

describe("a timer", () => {
  test("runs once, when its time has come and not before", () => {
    const clock = systemClock();
    const run = vi.fn();
    clock.setTimeout(run, 100);
    pass(99.9);
    expect(run).not.toHaveBeenCalled();
    pass(0.2);
    expect(run).toHaveBeenCalledTimes(1);
    pass(1000);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("that came due during sleep runs soon after it, although the browser's own timers slept too", () => {
    const clock = systemClock();
    const run = vi.fn();
    clock.setTimeout(run, 3000);
    pass(10);
    sleep(8 * 3600);
    pass(31);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("may be a year away", () => {
    const clock = systemClock();
    const run = vi.fn();
    clock.setTimeout(run, 365 * 24 * 3600);
    sleep(364 * 24 * 3600);
    pass(31);
    expect(run).not.toHaveBeenCalled();
    sleep(24 * 3600);
    pass(31);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("that is cleared never runs, also when it has waited for a while", () => {
    const clock = systemClock();
    const run = vi.fn();
    const early = clock.setTimeout(run, 100);
    const late = clock.setTimeout(run, 100);
    clock.clearTimeout(early);
    pass(70);
    clock.clearTimeout(late);
    clock.clearTimeout(undefined);
    pass(1000);
    expect(run).not.toHaveBeenCalled();
    expect(timers).toEqual([]);
  });

  test("in the past runs at once", () => {
    const clock = systemClock();
    const run = vi.fn();
    clock.setTimeout(run, -5);
    pass(0);
    expect(run).toHaveBeenCalledTimes(1);
  });
});
