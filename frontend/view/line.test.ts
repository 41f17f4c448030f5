// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ShownState, SignInControl } from "../client/sign-in/sign-in-control.js";
import type { Problem } from "../oauth/errors.js";
import { View, type ViewOptions } from "./line.js";

const ADDRESS = "https://idp.example.com/authorize?state=secret-state&nonce=secret-nonce";

/** Stands in for whoever does the signing in. */
class Control implements SignInControl {
  state: ShownState = { status: "signed_out", at: 0 };
  blocked = false;
  canLogOut = false;
  readonly clicks: string[] = [];
  readonly #changed = new Set<() => void>();

  onChange(changed: () => void) {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  show(state: Partial<ShownState>, { blocked = false, canLogOut = false } = {}): void {
    this.state = { status: "signed_out", at: performance.now(), ...state };
    Object.assign(this, { blocked, canLogOut });
    for (const changed of this.#changed) changed();
  }

  signIn = () => void this.clicks.push("signIn");
  openBlocked = () => void this.clicks.push("openBlocked");
  logOut = () => void this.clicks.push("logOut");
  cancel = () => void this.clicks.push("cancel");
  signOut = () => void this.clicks.push("signOut");
  accept = () => void this.clicks.push("accept");
  paste = (address: string) => void this.clicks.push(`paste ${address}`);
}

let control: Control;
let host: HTMLElement;
const views: View[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  control = new Control();
  host = document.createElement("div");
  document.body.replaceChildren(host);
});
afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  vi.useRealTimers();
});

function view(options?: ViewOptions): View {
  const made = new View(host, control, options);
  views.push(made);
  return made;
}

/** What a person can see: neither hidden itself nor within something hidden. */
const visible = (node: Element) => !node.closest("[hidden]");
const names = (selector: string) =>
  [...host.querySelectorAll<HTMLElement>(selector)].filter(visible).map((node) => node.textContent ?? "");
const buttons = () => names("button").filter((name) => name !== "Details");
const button = (name: string) => {
  const found = [...host.querySelectorAll<HTMLElement>("button, a")].find((node) => node.textContent === name);
  if (!found) throw new Error(`no ${name}; there is ${names("button, a")}`);
  return found;
};
const status = () => names("[role=status]").join("");
const alert = () => names("[role=alert]").join("");
const text = () => host.textContent ?? "";

const PROBLEM: Problem = {
  code: "redirect_uri_mismatch",
  message: "Corp doesn't know this redirect address: http://localhost:8888/oidc-widget/callback",
  hint: "Register it.",
  copy: "http://localhost:8888/oidc-widget/callback",
};

describe("each state", () => {
  test("is within a region named OIDC sign-in", () => {
    view();
    const region = host.querySelector("[role=region]");
    expect(region?.getAttribute("aria-label")).toBe("OIDC sign-in");
    expect(host.querySelectorAll("[role=region]")).toHaveLength(1);
  });

  test("signed out: Sign in", () => {
    view();
    expect(buttons()).toEqual(["Sign in"]);
    expect(status() + alert()).toBe("");
    button("Sign in").click();
    expect(control.clicks).toEqual(["signIn"]);
  });

  test("signed out, with the provider's label, also when that comes later", () => {
    const made = view({ label: "Corp" });
    expect(buttons()).toEqual(["Sign in to Corp"]);
    made.label = "Other";
    expect(buttons()).toEqual(["Sign in to Other"]);
    made.label = null;
    expect(buttons()).toEqual(["Sign in"]);
  });

  test("signing in: a status, and Cancel", () => {
    view();
    control.show({ status: "signing_in" });
    expect(status()).toBe("Waiting for the sign-in window …");
    expect(buttons()).toEqual(["Cancel"]);
    button("Cancel").click();
    expect(control.clicks).toEqual(["cancel"]);
  });

  test("blocked: the link Open sign-in page, whose address is nowhere in the page", () => {
    view();
    control.show({ status: "signing_in" }, { blocked: true });
    expect(names("a")).toEqual(["Open sign-in page"]);
    expect(buttons()).toEqual(["Cancel"]);
    const link = button("Open sign-in page");
    expect(link.getAttribute("href")).toBe("#");
    link.click();
    expect(control.clicks).toEqual(["openBlocked"]);
    expect(location.hash).toBe("");
  });

  test("signed in: who, for how long, and Sign out", () => {
    view();
    control.show({ status: "signed_in", account: "Alice Adams", expires_in: 58 * 60 + 10 });
    expect(status()).toBe("Signed in as Alice Adams");
    expect(text()).toContain("58 min left");
    expect(buttons()).toEqual(["Sign out"]);
    button("Sign out").click();
    expect(control.clicks).toEqual(["signOut"]);
  });

  test("signed in where the provider does not say for how long", () => {
    view();
    control.show({ status: "signed_in", account: "Alice" });
    expect(text()).not.toContain("left");
    expect(text()).not.toContain("NaN");
  });

  test("signed in while the provider can't be reached: said quietly, not as an error", () => {
    view();
    control.show({
      status: "signed_in",
      account: "Alice",
      error: { code: "token_endpoint_unreachable", message: "x" },
    });
    expect(text()).toContain("not renewed at the moment");
    expect(alert()).toBe("");
  });

  test("signed in by a token that nothing here renews: both buttons", () => {
    view();
    control.show({ status: "signed_in", account: "Alice", unattended: true });
    expect(buttons()).toEqual(["Sign in", "Sign out"]);
  });

  test("signed out by the provider: said, and Sign in", () => {
    view({ label: "Corp" });
    control.show({ status: "expired", account: "Alice", error: { code: "invalid_grant", message: "x" } });
    expect(status()).toBe("Signed out by the provider");
    expect(buttons()).toEqual(["Sign in to Corp"]);
  });

  test("expired: said, and Sign in", () => {
    view();
    control.show({ status: "expired", account: "Alice" });
    expect(status()).toBe("The sign-in has expired");
    expect(buttons()).toEqual(["Sign in"]);
  });

  test("an error: an alert that says what to do, Try again, and details to unfold", () => {
    view();
    control.show({ status: "error", error: PROBLEM });
    expect(alert()).toBe(`${PROBLEM.message} — Register it.`);
    control.show({ status: "error", error: { ...PROBLEM, message: "It is down." } });
    expect(alert()).toBe("It is down. Register it.");
    control.show({ status: "error", error: PROBLEM });
    expect(status()).toBe("");
    expect(buttons()).toEqual(["Try again", "Copy"]);
    const more = button("Details");
    expect(more.getAttribute("aria-expanded")).toBe("false");
    more.click();
    expect(more.getAttribute("aria-expanded")).toBe("true");
    expect(names("code")).toEqual(["redirect_uri_mismatch", "http://localhost:8888/oidc-widget/callback"]);
    more.click();
    expect(names("code")).toEqual([]);
    button("Try again").click();
    expect(control.clicks).toEqual(["signIn"]);
  });

  test("a session is on offer: one button, with its account", () => {
    view();
    control.show({ status: "signed_out", offer: "Alice Adams" });
    expect(buttons()).toEqual(["Use session of Alice Adams"]);
    button("Use session of Alice Adams").click();
    expect(control.clicks).toEqual(["accept"]);
  });

  test("signed out here, with the provider's own sign-out on offer", () => {
    view();
    control.show({ status: "signed_out" }, { canLogOut: true });
    expect(buttons()).toEqual(["Sign in", "Sign out at the provider too"]);
    expect(status()).toBe("Signed out");
    button("Sign out at the provider too").click();
    expect(control.clicks).toEqual(["logOut"]);
  });

  test("signing in elsewhere (RFC 8628): the code, the address, a picture that can run nothing, and Cancel", () => {
    view();
    const device = {
      user_code: "WDJB-MJHT",
      verification_uri: "https://idp.example.com/device",
      verification_uri_complete: "https://idp.example.com/device?user_code=WDJB-MJHT",
      qr_svg: "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'></svg>",
    };
    control.show({ status: "signing_in", device });
    expect(names("code")).toContain("WDJB-MJHT");
    expect(text()).toContain("https://idp.example.com/device");
    const link = button("Open sign-in page");
    expect(link.getAttribute("href")).toBe(device.verification_uri_complete);
    expect(link.getAttribute("rel")).toContain("noopener");
    expect(host.querySelector("svg")).toBeNull();
    expect(host.querySelector("img")?.alt).not.toBe("");
    expect(buttons()).toContain("Cancel");
    control.show({ status: "signed_in", account: "Alice" });
    expect(names("code")).toEqual([]);
  });

  test("signing in elsewhere never links to anything but the web", () => {
    view();
    const device = { user_code: "A", verification_uri: "javascript:alert(1)" };
    control.show({ status: "signing_in", device });
    expect(button("Open sign-in page").getAttribute("href")).toBe("about:blank");
  });

  test("signing in by hand: a field for the address, which keeps what was typed, and no address in the page", () => {
    view();
    const paste = { authorization_url: ADDRESS, redirect_uri: "http://localhost:8888/oidc-widget/callback" };
    control.show({ status: "signing_in", paste });
    expect(host.innerHTML).not.toContain("secret-");
    const input = host.querySelector("input") as HTMLInputElement;
    expect(input.closest("label")?.textContent).toBe("Address you landed on");
    input.value = "http://localhost:8888/oidc-widget/callback?code=1";
    control.show({ status: "signing_in", paste });
    expect(host.querySelector("input")).toBe(input);
    button("Continue").click();
    expect(control.clicks).toEqual(["paste http://localhost:8888/oidc-widget/callback?code=1"]);
    expect(input.value).toBe("");
  });
});

test("what the provider says is text, never markup", () => {
  view({ label: "<img src=x onerror=alert(1)>" });
  const evil = "<img src=x onerror=alert(1)>";
  control.show({ status: "error", error: { code: "access_denied", message: evil, hint: evil, copy: evil } });
  button("Details").click();
  control.show({ status: "signed_in", account: evil });
  control.show({ status: "signed_out", offer: evil });
  expect(host.querySelector("img")).toBeNull();
});

describe("the countdown", () => {
  test("ticks by itself, and tells a screen reader nothing", () => {
    view();
    control.show({ status: "signed_in", account: "Alice", expires_in: 185 });
    const said = host.querySelector("[role=status]") as HTMLElement;
    const announced = vi.fn();
    const observer = new MutationObserver(announced);
    observer.observe(said, { childList: true, characterData: true, subtree: true });
    expect(text()).toContain("3 min left");
    vi.advanceTimersByTime(10_000);
    expect(text()).toContain("2 min left");
    vi.advanceTimersByTime(60_000);
    expect(text()).toContain("115 s left");
    vi.advanceTimersByTime(1000);
    expect(text()).toContain("114 s left");
    expect(observer.takeRecords()).toEqual([]);
    expect(announced).not.toHaveBeenCalled();
  });

  test("counts from when the state was true, not from when it is shown", () => {
    control.show({ status: "signed_in", account: "Alice", expires_in: 600 });
    vi.advanceTimersByTime(120_000);
    view();
    expect(text()).toContain("8 min left");
  });

  test("stops when nobody looks any more", () => {
    const made = view();
    control.show({ status: "signed_in", account: "Alice", expires_in: 100 });
    made.dispose();
    expect(vi.getTimerCount()).toBe(0);
    expect(host.childElementCount).toBe(0);
  });
});

describe("the focus", () => {
  test("stays where the person put it while the countdown ticks and states come in again", () => {
    view();
    control.show({ status: "signed_in", account: "Alice", expires_in: 90 });
    const signOut = button("Sign out");
    signOut.focus();
    vi.advanceTimersByTime(5000);
    control.show({ status: "signed_in", account: "Alice", expires_in: 300 });
    expect(document.activeElement).toBe(signOut);
  });

  test("goes from a button that is gone to the one in its place, so that the keyboard is not lost", () => {
    view();
    button("Sign in").focus();
    control.show({ status: "signing_in" });
    expect(document.activeElement).toBe(button("Cancel"));
    control.show({ status: "signed_in", account: "Alice" });
    expect(document.activeElement).toBe(button("Sign out"));
  });

  test("is never taken from elsewhere", () => {
    const input = document.createElement("input");
    document.body.append(input);
    view();
    input.focus();
    for (const status of ["signing_in", "signed_in", "expired", "error", "signed_out"] as const) {
      control.show({ status, account: "Alice", expires_in: 90, error: status === "error" ? PROBLEM : undefined });
      vi.advanceTimersByTime(3000);
      expect(document.activeElement).toBe(input);
    }
  });
});

test("every button is one that submits nothing", () => {
  view();
  control.show({ status: "error", error: PROBLEM });
  button("Details").click();
  for (const each of host.querySelectorAll("button")) expect(each.type).toBe("button");
});

test("two views of one sign-in agree with each other", () => {
  view();
  const other = document.createElement("div");
  document.body.append(other);
  views.push(new View(other, control));
  for (const shown of ["signing_in", "signed_in", "expired"] as const) {
    control.show({ status: shown, account: "Alice", expires_in: 200 });
    expect(other.innerHTML).toBe(host.innerHTML);
  }
});

test("texts can be translated", () => {
  view({ translate: (message) => `«${message}»` });
  expect(buttons()).toEqual(["«Sign in»"]);
});
