// @vitest-environment jsdom
// @vitest-environment-options {"url": "https://jupyter.example.co.uk"}
import { afterEach, describe, expect, test, vi } from "vitest";
import { storageProblem } from "./storage.js";

afterEach(() => vi.unstubAllGlobals());

/** This page in a frame of pages of these origins. */
function framedBy(...origins: string[]): void {
  vi.stubGlobal("top", {});
  vi.stubGlobal("location", { origin: "https://jupyter.example.co.uk", ancestorOrigins: origins });
}

describe("the answer of a sign-in window can't come back", () => {
  test.each([
    [["https://portal.example.org"]],
    [["https://portal.example.co.uk", "https://other.example.net"]],
    [["http://jupyter.example.co.uk"]],
    [["https://portal.other.co.uk"]],
    [["https://co.uk"]],
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

  test.each([
    [["https://portal.example.co.uk", "https://jupyter.example.co.uk"]],
    [["https://example.co.uk"]],
    [["https://a.b.jupyter.example.co.uk"]],
  ])("of a frame of the same site: %j", (origins) => {
    framedBy(...origins);
    expect(storageProblem()).toBeUndefined();
    expect(document.cookie).toBe("");
  });
});
