import { describe, expect, test } from "vitest";
import type { LinkState } from "../../vault/messages.js";
import type { Loss } from "../signed-in-note.js";
import type { KernelState } from "./kernel-state.js";
import { INITIAL, type LoginEvent, type LoginState, reduce, shown } from "./login-state.js";

const TARGET = { url: "https://idp.example.com/authorize?state=one", configured: true };
const PREPARED = { id: "p1", ...TARGET };
const PROBLEM = { code: "provider_unreachable", message: "No." } as const;

const state = (link: LinkState): LoginEvent => ({ type: "state", state: link, at: 2 });
const kernel = (says: KernelState): LoginEvent => ({ type: "kernel", kernel: says, at: 1 });
const connected = (lost?: Loss): LoginEvent => ({ type: "connected", lost });
const ALICE: LinkState = { status: "signed_in", account: "Alice" };
const OUT: LinkState = { status: "signed_out" };
const BEGUN: LoginEvent = { type: "begun", window: "sent", target: PREPARED };
const TOLD: LoginEvent = { type: "told" };
const OPENED: LoginEvent = { type: "opened" };

const stateAfter = (...events: LoginEvent[]): LoginState => events.reduce(reduce, INITIAL);
const view = (...events: LoginEvent[]) => shown(stateAfter(...events));

describe("a click", () => {
  test("is shown at once, and takes what was prepared, which is good for one", () => {
    const clicked = stateAfter({ type: "prepared", prepared: PREPARED }, BEGUN);
    expect(shown(clicked).status).toBe("signing_in");
    expect(clicked.prepared).toBeUndefined();
    expect(clicked.attempt?.target).toEqual(PREPARED);
  });

  test("is not undone by what the vault says before it has answered", () => {
    expect(view(BEGUN, state(OUT)).status).toBe("signing_in");
    expect(view(BEGUN, TOLD, state(OUT)).status).toBe("signing_in");
    expect(view(BEGUN, TOLD, OPENED, state(OUT)).status).toBe("signed_out");
    expect(view(BEGUN, TOLD, OPENED, state(ALICE))).toMatchObject(ALICE);
  });

  test("that a vault died with is over as soon as the next one says so", () => {
    expect(view(BEGUN, TOLD, connected(), state(OUT)).status).toBe("signed_out");
    expect(view(BEGUN, connected(), state(OUT)).status).toBe("signing_in"); // it was never told of it
  });

  test("ends what was said of the last one", () => {
    expect(view({ type: "failed", problem: PROBLEM }, BEGUN)).toMatchObject({ status: "signing_in", error: undefined });
  });

  test("counts, so that what comes late is not taken for the next one's", () => {
    expect([stateAfter(BEGUN).count, stateAfter(BEGUN, BEGUN).count]).toEqual([1, 2]);
    expect(stateAfter(BEGUN, { type: "cancelled", leftOpen: false }).count).toBe(2);
  });
});

describe("a window", () => {
  test.each(["blocked", "asked"] as const)(
    "that is not there (%s) leaves a link, until somebody opens it",
    (window) => {
      expect(view({ type: "begun", window }).window).toBe(window);
      expect(view({ type: "begun", window }, { type: "window", window: "sent" }).window).toBeUndefined();
      expect(view({ type: "begun", window }, TOLD, OPENED, state(ALICE)).window).toBeUndefined();
    },
  );

  test("that waits for an address gets the vault's, and keeps its own", () => {
    expect(
      stateAfter({ type: "begun", window: "empty" }, TOLD, { type: "opened", target: TARGET }).attempt,
    ).toMatchObject({
      window: "empty",
      target: TARGET,
    });
    expect(stateAfter(BEGUN, TOLD, OPENED).attempt?.target).toEqual(PREPARED);
  });

  test("that nothing here can close is told after Cancel, until something else happens", () => {
    const left: LoginEvent = { type: "cancelled", leftOpen: true };
    expect(view(BEGUN, left)).toMatchObject({ status: "signed_out", leftOpen: true });
    expect(view(BEGUN, left, state(OUT)).leftOpen).toBe(true);
    expect(view(BEGUN, left, state(ALICE)).leftOpen).toBe(false);
    expect(view(BEGUN, left, BEGUN).leftOpen).toBeFalsy();
    expect(view(BEGUN, { type: "cancelled", leftOpen: false }).leftOpen).toBe(false);
  });
});

describe("a failure of this page", () => {
  test("ends the attempt, and stands until the vault has something to say", () => {
    expect(view(BEGUN, { type: "failed", problem: PROBLEM })).toMatchObject({ status: "error", error: PROBLEM });
    expect(view({ type: "failed", problem: PROBLEM }, state(ALICE))).toMatchObject(ALICE);
  });
});

describe("what the kernel holds", () => {
  const holds: KernelState = { status: "signed_in", account: "Alice", expires_in: 100 };

  test("is told where no vault knows of it", () => {
    expect(view(kernel(holds))).toMatchObject({ status: "signed_in", account: "Alice", holder: "elsewhere", at: 1 });
  });

  test("is the vault's to tell once it knows of a session", () => {
    expect(view(kernel(holds), state(ALICE)).holder).toBeUndefined();
    expect(view(kernel(holds), state(ALICE), kernel(holds)).holder).toBeUndefined();
    // A sign-out elsewhere ends what the kernel had; it says so itself, but later.
    expect(view(kernel(holds), state(ALICE), kernel(holds), state(OUT)).status).toBe("signed_out");
  });

  test("is not the kernel's any more after a sign-out", () => {
    expect(view(kernel(holds), { type: "signed_out" }).status).toBe("signed_out");
  });

  test("is another person's, where two share a kernel", () => {
    const bobs: KernelState = { status: "signed_in", account: "Bob", expires_in: 50 };
    expect(view(state(ALICE), kernel(bobs))).toMatchObject({ account: "Bob", holder: "elsewhere", expires_in: 50 });
    expect(view(state(ALICE), kernel(bobs), kernel(holds)).holder).toBeUndefined();
  });

  test("has no time where it is renewed, of which the kernel does not tell each time; but for what is left at a loss", () => {
    const renewed = kernel({ ...holds, renewed: true });
    expect(view(renewed)).toMatchObject({ holder: "elsewhere", expires_in: undefined });
    expect(view(connected("reload"), state(OUT), renewed)).toMatchObject({ lost: "reload", expires_in: 100 });
  });

  test("is nothing, after another person's sign-out", () => {
    const none = kernel({ status: "signed_out" });
    expect(view(state(ALICE), kernel(holds), none)).toMatchObject({ account: "Alice", holder: "nobody" });
    expect(view(state(ALICE), none).holder).toBeUndefined(); // said before the token came
    expect(view(state(ALICE), kernel(holds), none, kernel(holds)).holder).toBeUndefined();
  });

  test("is not asked about while a sign-in or an offer is under way", () => {
    expect(view(kernel(holds), BEGUN).status).toBe("signing_in");
    expect(view(kernel(holds), state({ status: "signed_out", offer: "Bob" })).status).toBe("signed_out");
  });
});

describe("a session that the browser has lost", () => {
  const holds: KernelState = { status: "signed_in", account: "Alice", expires_in: 100 };

  test("is told as such, also where the kernel has its token still, with what that has left", () => {
    expect(view(connected("reload"), state(OUT))).toMatchObject({ status: "signed_out", lost: "reload" });
    expect(view(connected("reload"), state(OUT), kernel(holds))).toMatchObject({
      status: "signed_out",
      lost: "reload",
      expires_in: 100,
    });
  });

  test("is history after the next sign-in, and after a sign-out", () => {
    expect(view(connected("reload"), state(ALICE), state(OUT)).lost).toBeUndefined();
    expect(view(connected("reload"), state(OUT), { type: "signed_out" }).lost).toBeUndefined();
    expect(view(connected(), state(OUT)).lost).toBeUndefined();
  });
});
