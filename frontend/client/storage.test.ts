// @vitest-environment jsdom
import { afterEach, describe, expect, test, vi } from "vitest";
import { storageProblem } from "./storage.js";

afterEach(() => vi.unstubAllGlobals());

/** This page in a frame of pages of these origins. */
function framedBy(...origins: string[]): void {
  vi.stubGlobal("top", {});
  vi.stubGlobal("location", { origin: "https://jupyter.example.com", ancestorOrigins: origins });
}

describe("the answer of a sign-in window can't come back", () => {
  test.each([
    [["https://portal.example.org"]],
    [["https://portal.example.com", "https://other.example.net"]],
    [["http://jupyter.example.com"]],
    [["https://127.0.0.1:8000"]],
    [["null"]],
  ])("to a frame of another site: %j", (origins) => {
    framedBy(...origins);
    expect(storageProblem()).toMatchObject({
      code: "storage_refused",
      hint: expect.stringContaining("tab of its own"),
    });
  });

  test("where storage is refused", () => {
    vi.spyOn(navigator, "cookieEnabled", "get").mockReturnValue(false);
    expect(storageProblem()).toMatchObject({ code: "storage_refused", hint: expect.stringContaining("settings") });
  });
});

describe("nothing is in the way", () => {
  test("of a page of its own", () => expect(storageProblem()).toBeUndefined());

  test("of a frame of the same site", () => {
    framedBy("https://portal.example.com", "https://jupyter.example.com");
    expect(storageProblem()).toBeUndefined();
  });
});
