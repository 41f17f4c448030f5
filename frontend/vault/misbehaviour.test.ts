/**
 * A provider that misbehaves as `tests/hostile/cases.json` says, over a real network: it gets no token into a kernel and
 * no session into the vault, and people are told what is wrong.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settled, TestClock, until } from "../testing/clock.js";
import { TestJupyter } from "../testing/jupyter.js";
import { TestPage } from "../testing/page.js";
import { TestProvider } from "../testing/provider.js";
import { problemOf } from "./problem.js";
import { createVault } from "./vault.js";

interface Case {
  name: string;
  does: string;
  asks?: Record<string, string>;
  elsewhere?: boolean;
  expected?: string | Record<string, string | null>;
}

declare module "vitest" {
  interface TaskMeta {
    /** For `make security-report`. */
    security?: Record<"case" | "does" | "expected" | "seen", string>;
  }
}

const ROOT = new URL("../../", import.meta.url);
const TABLE: { ways: string[]; expected: string; cases: Case[] }[] = JSON.parse(
  readFileSync(new URL("tests/hostile/cases.json", ROOT), "utf8"),
);
const CASES = TABLE.flatMap(({ ways, expected, cases }) =>
  cases.flatMap((one) =>
    ["popup", "refresh"].flatMap((way) => {
      const own = typeof one.expected === "object" ? one.expected[way] : one.expected;
      const code = own === undefined && ways.includes(way) ? expected : own;
      return code && (ways.includes(way) || typeof one.expected === "object") ? [{ ...one, way, expected: code }] : [];
    }),
  ),
);
const ELSEWHERE = "https://hostile.example";
const ONE = "link-1";
/** What the vault waits for an answer, 20 s, is this much shorter here. */
const HASTE = 20;

let provider: ChildProcess;
let origin: string;
const { timeout } = AbortSignal;
/** Kept, because Node forgets the timer of a signal that nobody holds. */
const signals: AbortSignal[] = [];

beforeAll(async () => {
  provider = spawn(process.execPath, [new URL("ui-tests/providers/hostile_provider.mjs", ROOT).pathname]);
  origin = await new Promise((resolve) => {
    provider.stdout?.once("data", (line) => resolve(JSON.parse(String(line)).origin));
  });
  if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {} }); // Node 20
  AbortSignal.timeout = (milliseconds) => {
    signals.push(timeout.call(AbortSignal, milliseconds / HASTE));
    return signals[signals.length - 1];
  };
  await problemOf(new Error());
});

afterAll(() => {
  AbortSignal.timeout = timeout;
  provider.stdin?.end();
});

const network: typeof fetch = async (input, init) => {
  const { body, status, headers } = await fetch(String(input).replace(ELSEWHERE, origin), init);
  // While a body is read, Node 20 may forget the signal that should end it; browsers don't.
  const { signal } = init ?? {};
  const ending = body && signal ? body.pipeThrough(new TransformStream(), { signal }) : body;
  return new Response(status === 204 ? null : ending, { status, headers });
};
let count = 0;

/** A vault that reaches the misbehaving provider, a page whose kernel wants a token, and a sidebar. */
async function vaultAndPages({ name, way, asks = {}, elsewhere }: Case & { way: string }) {
  const jupyter = new TestJupyter();
  const { randomBytes } = (await TestProvider.make()).environment;
  const environment = { fetch: jupyter.fetch(network), now: () => Date.now() / 1000, randomBytes };
  const clock = new TestClock();
  const vault = createVault(environment, clock, { filesUrl: jupyter.filesUrl, locked: true });
  const idp = await TestProvider.make(); // of no use here but to a page that wants one
  const [tab, sidebar] = [new TestPage(vault, idp), new TestPage(vault, idp, "sidebar")];
  count += 1;
  const issuer = `${elsewhere ? ELSEWHERE : origin}/${name}/${way}/${count}`;
  tab.link(ONE, { authority: issuer, extra_params: asks }, { share_id_token: true });
  const sessions = () => {
    sidebar.say({ type: "list_sessions" });
    return sidebar.all("sessions").at(-1)?.sessions;
  };
  return { tab, issuer, sessions, everything: () => JSON.stringify([...tab.received, ...sidebar.received]) };
}

/** Opens the window, and lands where the provider sends it; the callback page goes by the `state` that it finds there. */
async function signIn(tab: TestPage): Promise<void> {
  const failed = () => tab.state(ONE)?.status === "error";
  await until(() => failed() || tab.prepared(ONE));
  if (failed()) return;
  const url = await tab.open(ONE);
  const landing = await network(url, { redirect: "manual" });
  const { search, hash, pathname } = new URL(landing.headers.get("location") ?? "");
  const state = new URLSearchParams(search || hash.slice(1)).get("state");
  const channel = new BroadcastChannel(`oidc-widget:${state}`);
  let taken = false;
  channel.onmessage = () => {
    taken = true;
  };
  channel.postMessage({ search, hash, pathname });
  await settled();
  channel.close();
  if (taken) await until(() => tab.state(ONE)?.status !== "signing_in");
}

const seenOf = (tab: TestPage) => {
  const { status, error } = tab.state(ONE) ?? {};
  if (status === "signed_in") return "served";
  return status === "signing_in" ? "waiting" : error?.code;
};

test.concurrent.for(CASES.map((one) => [`${one.way}: ${one.name}`, one] as const))(
  "%s",
  async ([title, one], { task }) => {
    const { way, does, expected } = one;
    const { tab, sessions, everything } = await vaultAndPages(one);
    await signIn(tab);
    let seen = seenOf(tab);
    if (way === "refresh") {
      expect(seen).toBe("served");
      tab.say({ type: "refresh", link_id: ONE, id: "question" });
      const answer = await until(() => tab.delivered(ONE, "answer")[0]);
      const { error } = answer as { error?: { code: string } };
      seen = error ? error.code : "served";
    }
    task.meta.security = { case: title, does, expected, seen: String(seen) };
    expect(seen, does).toBe(expected);
    expect(everything()).not.toContain("evil-refresh");
    if (expected === "served") {
      expect(everything()).toContain("evil-access");
    } else {
      expect(everything()).not.toContain("evil-");
      if (way === "popup") expect(sessions()).toEqual([]);
    }
  },
);
