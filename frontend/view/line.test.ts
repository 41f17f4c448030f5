import { readFileSync } from "node:fs";
// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ShownState, SignInControl } from "../client/sign-in/sign-in-control.js";
import { english, type Translate } from "../client/translate.js";
import type { Problem } from "../oauth/errors.js";
import { View, type ViewOptions } from "./line.js";

const ADDRESS = "https://idp.example.com/authorize?state=secret-state&nonce=secret-nonce";

/** Stands in for whoever does the signing in. */
class Control implements SignInControl {
  state: ShownState = { status: "signed_out", at: 0 };
  to: SignInControl["to"];
  label?: string;
  readonly clicks: string[] = [];
  readonly #changed = new Set<() => void>();

  onChange(changed: () => void) {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  show(state: Partial<ShownState>): void {
    this.state = { status: "signed_out", at: performance.now(), ...state };
    for (const changed of this.#changed) changed();
  }

  signIn = () => void this.clicks.push("signIn");
  openWindow = () => void this.clicks.push("openWindow");
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

  test("signed out, at a provider that the administrator vouches for: by its label, also when that comes later", () => {
    view();
    control.to = { host: "idp.example.com", label: "Corp", configured: true };
    control.show({});
    expect(buttons()).toEqual(["Sign in to Corp"]);
  });

  test("signed out, at any other: by its host, whatever a notebook calls it", () => {
    control.to = { host: "evil.example.com:8443", label: "Corp", configured: false };
    control.label = "Corp";
    view();
    expect(buttons()).toEqual(["Sign in at evil.example.com:8443"]);
    expect(text()).toBe("CorpSign in at evil.example.com:8443");
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
    control.show({ status: "signing_in", window: "blocked" });
    expect(names("a")).toEqual(["Open sign-in page"]);
    expect(buttons()).toEqual(["Cancel"]);
    const link = button("Open sign-in page");
    expect(link.getAttribute("href")).toBe("#");
    link.click();
    expect(control.clicks).toEqual(["openWindow"]);
    expect(location.hash).toBe("");
  });

  test("asked for by a kernel: the link, and by whom", () => {
    control.to = { host: "idp.example.com" };
    view();
    control.show({ status: "signing_in", window: "asked" });
    expect(status()).toBe("A cell asks you to sign in at idp.example.com.");
    expect([names("a"), buttons()]).toEqual([["Open sign-in page"], ["Cancel"]]);
  });

  test("cancelled, with a window that nothing here can close: said", () => {
    view();
    control.show({ status: "signed_out", leftOpen: true });
    expect(status()).toContain("Close the sign-in window yourself");
  });

  test("signed in, and renewed by itself: who, and no time; a tooltip tells until when the token at hand lives", () => {
    view();
    control.show({ status: "signed_in", account: "Alice Adams", expires_in: 250, renewed: true });
    expect(text()).toBe("Signed in as Alice AdamsSign out");
    expect(host.querySelector<HTMLElement>("[role=status]")?.title).toMatch(/lives until \d/);
    vi.advanceTimersByTime(200_000);
    expect(text()).toBe("Signed in as Alice AdamsSign out");
  });

  test("signed in, with nothing to renew it: who, for how long, and Sign out", () => {
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

  test("signed in while the provider can't be reached: the time counts, also where it is renewed otherwise", () => {
    view();
    const error = { code: "token_endpoint_unreachable", message: "It does not answer.", hint: "Wait." } as const;
    control.show({ status: "signed_in", account: "Alice", renewed: true, expires_in: 90, error });
    expect(text()).toContain("not renewed at the moment · 90 s left");
    button("Details").click();
    expect(text()).toContain("It does not answer. Wait.");
    const source = readFileSync("src/oidc_widget/errors.py", "utf8");
    const [link] = document.querySelectorAll("a");
    expect(link.textContent).toBe("token_endpoint_unreachable");
    expect(source).toContain(`"${link.href.split("#")[0]}"`);
  });

  test("the kernel's token is another person's: whose, and one button", () => {
    view();
    control.show({ status: "signed_in", account: "Bob Brown", holder: "elsewhere", expires_in: 600 });
    expect(text()).toContain("Signed in as Bob Brown");
    expect(text()).toContain("in another browser · 10 min left");
    expect(buttons()).toEqual(["Sign in"]);
  });

  test("the kernel has none, though somebody is signed in here: said", () => {
    view();
    control.show({ status: "signed_in", account: "Alice", holder: "nobody" });
    expect(status()).toBe("Alice is signed in in this browser; the kernel has no token");
  });

  test.each([
    ["reload", "The sign-in ended when this page was reloaded"],
    ["crash", "The browser ended the sign-in"],
  ] as const)("the browser lost the session (%s): the one true sentence, and one button", (lost, sentence) => {
    view();
    control.show({ status: "signed_out", lost, account: "Alice", expires_in: 250 });
    expect(status()).toBe(sentence);
    expect(text()).toContain("4 min left");
    expect(buttons()).toEqual(["Sign in"]);
  });

  test("the vault is in this page: said", () => {
    view();
    control.show({ status: "signed_out", inPage: true });
    expect(text()).toContain("kept in this page, within reach of its other scripts");
    control.show({ status: "signed_in", account: "Alice", renewed: true, inPage: true });
    expect(text()).toContain("kept in this page, within reach of its other scripts");
  });

  test("signed out by the provider: said, and Sign in", () => {
    control.to = { host: "idp.example.com", label: "Corp", configured: true };
    view();
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
    expect(host.querySelector(".oidc-details")?.textContent).toBe("redirect_uri_mismatch"); // the rest stands there
    more.click();
    expect(names("code")).toEqual([]);
    button("Try again").click();
    expect(control.clicks).toEqual(["signIn"]);
  });

  test.each([
    ["access_denied", ["Try again"], true],
    ["redirect_uri_mismatch", ["Try again"], false],
    ["unknown_client", ["Try again"], false],
    ["invalid_authority", [], undefined],
    ["storage_refused", [], undefined],
  ] as const)("an error that another try may mend or not: %s", (code, expected, primary) => {
    view();
    control.show({ status: "error", error: { code, message: "No." } });
    expect(buttons()).toEqual(expected);
    if (primary !== undefined) expect(button("Try again").classList.contains("jp-mod-accept")).toBe(primary);
  });

  test("an error where no window could come back: the kernel's own way is on offer, if there is one", () => {
    const withoutWindow = vi.fn();
    view();
    control.show({ status: "error", error: { code: "storage_refused", message: "No." } });
    expect(buttons()).toEqual([]);
    Object.assign(control, { withoutWindow });
    control.show({ status: "error", error: { code: "storage_refused", message: "Still no." } });
    button("Sign in without a window").click();
    expect(withoutWindow).toHaveBeenCalled();
  });

  test("a session is on offer: one button, with its account", () => {
    view();
    control.show({ status: "signed_out", offer: "Alice Adams" });
    expect(buttons()).toEqual(["Use session of Alice Adams"]);
    button("Use session of Alice Adams").click();
    expect(control.clicks).toEqual(["accept"]);
  });

  test("a session on offer says at which provider it is: by the administrator's name, else by the host", () => {
    view();
    control.to = { host: "idp.example.com", label: "Corp", configured: true };
    control.show({ status: "signed_out", offer: "Alice Adams" });
    expect(buttons()).toEqual(["Use session of Alice Adams at Corp"]);
    control.to = { host: "evil.example.com", label: "Corp", configured: false };
    control.show({ status: "signed_out", offer: "Alice Adams" });
    expect(buttons()).toEqual(["Use session of Alice Adams at evil.example.com"]);
  });

  test("signed out by the provider, with another account's session on offer: both ways", () => {
    view();
    control.show({ status: "expired", ended_by_provider: true, offer: "Bob" });
    expect(status()).toBe("Signed out by the provider");
    expect(buttons().slice(0, 2)).toEqual(["Use session of Bob", "Sign in"]);
    button("Use session of Bob").click();
    expect(control.clicks).toEqual(["accept"]);
  });

  test("signed out here, with the provider's own sign-out on offer", () => {
    view();
    control.show({ status: "signed_out", logout: true });
    expect(buttons()).toEqual(["Sign in", "Sign out at the provider too"]);
    expect(status()).toBe("Signed out");
    button("Sign out at the provider too").click();
    expect(control.clicks).toEqual(["logOut"]);
  });

  test("signed out here, where the provider can't be asked who signs in: how to become somebody else", () => {
    view();
    control.show({ status: "signed_out", same_person: true });
    expect(status()).toBe("Signed out here only");
    expect(text()).toContain("to become somebody else, sign out at the provider too");
    expect(buttons()).toEqual(["Sign in"]);
    control.show({ status: "signed_out", same_person: true, logout: true });
    expect(text()).not.toContain("somebody else");
    expect(buttons()).toEqual(["Sign in", "Sign out at the provider too"]);
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
  control.label = "<img src=x onerror=alert(1)>";
  control.to = { host: "<img src=x onerror=alert(1)>", configured: false };
  view();
  const evil = "<img src=x onerror=alert(1)>";
  control.show({ status: "error", error: { code: "access_denied", message: evil, hint: evil, copy: evil } });
  button("Details").click();
  control.show({ status: "signed_in", account: evil });
  control.show({ status: "signed_out", offer: evil });
  expect(host.querySelector("img")).toBeNull();
});

test("names, hosts and what strangers say are isolated, so that none of them turns a word of ours around", () => {
  const override = "\u202Eecila";
  const isolated = () => [...host.querySelectorAll("bdi")].map(({ textContent }) => textContent);
  control.to = { host: override, configured: false };
  control.label = override;
  view();
  expect(isolated()).toEqual([override, override]);
  control.show({ status: "signed_in", account: override });
  expect(isolated()).toEqual([override]);
  expect(status()).toBe(`Signed in as ${override}`);
  control.show({ status: "signed_out", offer: override });
  expect(isolated()).toEqual([override, override]);
  const sentences = { message: [["The provider says: “%1”.", override]] as [string, string][] };
  control.show({ status: "error", error: { code: "access_denied", message: "x", sentences } });
  expect(isolated()).toEqual([override]);
  control.show({ status: "error", error: { code: "access_denied", message: override } });
  expect(isolated()).toEqual([override]);
  control.show({ status: "signing_in", device: { user_code: override, verification_uri: override } });
  expect(isolated()).toEqual([override]);
  expect(host.querySelector(".oidc-code")?.getAttribute("dir")).toBe("auto"); // isolates, too
  control.show({ status: "signing_in", paste: { authorization_url: ADDRESS, redirect_uri: override } });
  expect(isolated()).toEqual([override]);
});

test("no live region is ever hidden: what is put into one that was is not heard of", () => {
  view();
  for (const shown of ["signed_out", "signing_in", "signed_in", "error"] as const) {
    control.show({ status: shown, error: shown === "error" ? PROBLEM : undefined });
    for (const region of host.querySelectorAll<HTMLElement>("[role=status], [role=alert]")) {
      expect(visible(region) && region.style.display).toBe("");
    }
  }
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
  const words = new Map([
    ["Sign in at %1", "Bei %1 anmelden"],
    ["%1 does not answer.", "%1 antwortet nicht."],
    ["Wait.", "Warten."],
    ["Try again", "Noch einmal"],
  ]);
  const translate: Translate = (message, ...values) => english(words.get(message) ?? message, ...values);
  control.to = { host: "idp.example.com" };
  view({ translate });
  expect(buttons()).toEqual(["Bei idp.example.com anmelden"]);
  const sentences: Problem["sentences"] = { message: [["%1 does not answer.", "idp.example.com"]], hint: ["Wait."] };
  const error: Problem = { code: "provider_unreachable", message: "English.", hint: "English.", sentences };
  control.show({ status: "error", error });
  expect([alert(), buttons()]).toEqual(["idp.example.com antwortet nicht. Warten.", ["Noch einmal"]]);
});
