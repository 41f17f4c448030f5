// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeSignInWindow, onWindowClosed, openSignInWindow } from "./popup.js";

/** A window as its opener sees it. */
class Popup {
  closed = false;
  shown: "blank" | "provider" | "ours" = "blank";

  readonly location = (() => {
    const popup = this;
    return {
      get href() {
        if (popup.shown === "provider") throw new DOMException("Blocked a frame with origin …", "SecurityError");
        return popup.shown === "ours" ? "http://localhost:8888/oidc-widget/callback" : "about:blank";
      },
    };
  })();

  get window(): Window {
    return this as unknown as Window;
  }
}

/** A window that moves to the process of another site: what is said to it meanwhile is lost. */
class MovingPopup extends Popup {
  moving = true;
  gone = false;

  close(): void {
    this.closed = true;
    if (!this.moving) this.gone = true;
  }

  arrive(): void {
    this.moving = false;
    this.closed = this.gone;
  }
}

let focused = true;
/** Whether the provider gives no answer. */
let silent = false;
beforeEach(() => {
  silent = false;
  vi.useFakeTimers();
  focused = true;
  vi.spyOn(document, "hasFocus").mockImplementation(() => focused);
});
afterEach(() => vi.useRealTimers());

function watched() {
  const popup = new Popup();
  const closed = vi.fn();
  const stop = onWindowClosed(popup.window, closed, async () => silent);
  return { popup, closed, stop };
}

describe("a window counts as closed by the person", () => {
  test("when it is back from the provider, however short it was there", () => {
    const { popup, closed } = watched();
    popup.shown = "provider";
    vi.advanceTimersByTime(60);
    popup.shown = "ours";
    vi.advanceTimersByTime(60);
    popup.closed = true;
    vi.advanceTimersByTime(60);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test("when the provider's page was seen in it, and within two seconds", () => {
    const { popup, closed } = watched();
    vi.advanceTimersByTime(500);
    popup.shown = "provider";
    vi.advanceTimersByTime(5000);
    expect(closed).not.toHaveBeenCalled();
    popup.closed = true;
    vi.advanceTimersByTime(2000);
    expect(closed).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test("when the focus comes back to this page at once", () => {
    const { popup, closed } = watched();
    popup.shown = "provider";
    vi.advanceTimersByTime(1000);
    focused = false;
    popup.closed = true;
    vi.advanceTimersByTime(500);
    expect(closed).not.toHaveBeenCalled();
    focused = true;
    vi.advanceTimersByTime(100);
    expect(closed).toHaveBeenCalledTimes(1);
  });
});

describe("a window that was closed before the provider's page came", () => {
  test("counts when the focus comes back to this page just then", () => {
    const { popup, closed } = watched();
    vi.advanceTimersByTime(300);
    popup.closed = true;
    vi.advanceTimersByTime(100);
    expect(closed).not.toHaveBeenCalled();
    dispatchEvent(new Event("focus"));
    vi.advanceTimersByTime(100);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test("counts when the provider has answered nothing, which could have cut the line", async () => {
    silent = true;
    const { popup, closed } = watched();
    popup.closed = true;
    await vi.advanceTimersByTimeAsync(100);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test("counts once, and not when nobody looks any more", async () => {
    silent = true;
    const { popup, closed, stop } = watched();
    popup.closed = true;
    vi.advanceTimersByTime(50);
    stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(closed).not.toHaveBeenCalled();
  });
});

describe("a window never counts as closed", () => {
  test("when the provider cuts the line at once (COOP): it reads closed while it is open", () => {
    const { popup, closed } = watched();
    vi.advanceTimersByTime(300);
    popup.closed = true;
    vi.advanceTimersByTime(600_000);
    expect(closed).not.toHaveBeenCalled();
  });

  test("when the line was seen for no longer than a page takes to load that cuts it", () => {
    const { popup, closed } = watched();
    popup.shown = "provider";
    vi.advanceTimersByTime(300);
    popup.closed = true;
    vi.advanceTimersByTime(600_000);
    expect(closed).not.toHaveBeenCalled();
  });

  test("when a later page of the provider cuts the line, with the person in it who comes back here meanwhile", () => {
    const { popup, closed } = watched();
    popup.shown = "provider";
    vi.advanceTimersByTime(1000);
    focused = false;
    popup.closed = true;
    vi.advanceTimersByTime(5000);
    focused = true;
    vi.advanceTimersByTime(600_000);
    expect(closed).not.toHaveBeenCalled();
  });

  test("while it is open", () => {
    const { popup, closed } = watched();
    popup.shown = "provider";
    vi.advanceTimersByTime(600_000);
    expect(closed).not.toHaveBeenCalled();
  });

  test("when nobody looks any more", () => {
    const { popup, closed, stop } = watched();
    popup.shown = "provider";
    vi.advanceTimersByTime(1000);
    stop();
    popup.closed = true;
    vi.advanceTimersByTime(10_000);
    expect(closed).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("the sign-in window is a popup of its own, straight at the address, and says when it was blocked", () => {
  const open = vi.fn<typeof window.open>(() => null);
  vi.stubGlobal("open", open);
  expect(openSignInWindow({ url: "https://idp.example.com/authorize?x=1", configured: true })).toBeNull();
  const [[url, target, features]] = open.mock.calls;
  expect([url, target]).toEqual(["https://idp.example.com/authorize?x=1", "_blank"]);
  expect(features).toMatch(/^popup,width=\d+,height=\d+/);
  // The callback page closes itself, which only a window that was opened by a script may; and COOP is seen by it.
  expect(features).not.toContain("noopener");
});

describe("a window that is closed while it is on its way to the provider", () => {
  test.each([10, 70, 300, 2000])("is gone in the end, when it arrives after %i ms", (ms) => {
    const popup = new MovingPopup();
    closeSignInWindow(popup.window);
    vi.advanceTimersByTime(ms);
    popup.arrive();
    expect(popup.gone).toBe(false);
    vi.advanceTimersByTime(50 + 2 * ms);
    expect(popup.gone).toBe(true);
  });

  test("is left alone after some seconds: its page may ask the person, who may say no", () => {
    const popup = new MovingPopup();
    closeSignInWindow(popup.window);
    vi.advanceTimersByTime(10_000);
    popup.arrive();
    vi.advanceTimersByTime(600_000);
    expect(popup.gone).toBe(false);
  });
});
