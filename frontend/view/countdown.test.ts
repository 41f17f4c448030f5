import { describe, expect, test } from "vitest";
import { english } from "../client/translate.js";
import { timeLeft } from "./countdown.js";

describe("the time left", () => {
  test.each([
    [58 * 60 + 30, "58 min left"],
    [3600, "60 min left"],
    [121, "2 min left"],
    [120, "120 s left"],
    [1, "1 s left"],
    [0.4, "1 s left"],
    [0, "0 s left"],
    [-5, "0 s left"],
    [2 * 3600, "2 h 0 min left"],
    [26 * 3600 + 61, "26 h 1 min left"],
    [48 * 3600, "2 days left"],
    [365 * 24 * 3600, "365 days left"],
  ])("of %d s reads %j", (seconds, text) => expect(timeLeft(seconds, english).text).toBe(text));

  test("ticks in minutes, and in seconds only in the last two", () => {
    for (let left = 130; left < 7200; left += 7) expect(timeLeft(left, english).text).toMatch(/min left$/);
    for (let left = 120; left > 0; left -= 1) expect(timeLeft(left, english).next).toBe(1);
  });

  test.each([7199, 3601, 3600, 600.5, 185, 181])("of %d s says itself when it will read differently", (seconds) => {
    const { text, next } = timeLeft(seconds, english);
    expect(timeLeft(seconds - next, english).text).not.toBe(text);
    expect(timeLeft(seconds - next + 1.01, english).text).toBe(text);
  });
});
