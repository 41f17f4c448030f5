import { expect, test, vi } from "vitest";
import { settled, until } from "../testing/clock.js";
import { BOB } from "../testing/provider.js";
import { vaultAndProvider } from "../testing/vault.js";

const ONE = "link-1";
const PATH = "oidc-widget/api/terminal-token";
const CORP = { name: "corp", label: "Corp", authority: "https://idp.example.com", client_id: "notebooks" };

/** A vault whose Jupyter server has terminals that ask. */
async function ready() {
  const parts = await vaultAndProvider();
  const { jupyter } = parts;
  /** Those that no browser has been asked yet. */
  const questions: { id: string; provider: string }[] = [];
  const answers: Record<string, unknown>[] = [];
  const polls: { body: Record<string, unknown>; headers: Headers; settle: (response: Response) => void }[] = [];
  /** What the server says instead. */
  const state = { away: false, takes: 204 };
  const look = () => {
    const poll = polls.at(-1);
    const question = questions.at(0);
    if (poll && question) {
      polls.pop();
      questions.shift();
      poll.settle(Response.json(question));
    }
  };
  jupyter.terminals = (path, init) => {
    if (state.away) throw new TypeError("Failed to fetch");
    const body = JSON.parse(String(init.body));
    if (path !== "next") {
      answers.push({ id: path, ...body });
      return new Response(null, { status: state.takes });
    }
    return new Promise((settle, reject) => {
      const poll = { body, headers: new Headers(init.headers), settle };
      polls.push(poll);
      init.signal?.addEventListener("abort", () => {
        polls.splice(polls.indexOf(poll), 1);
        reject(new DOMException("", "AbortError"));
      });
      look();
    });
  };
  const ask = (provider: string, letter = "a") => {
    questions.push({ id: letter.repeat(43), provider });
    look();
  };
  return { ...parts, ask, answers, polls, state };
}

const asked = ({ jupyter }: Awaited<ReturnType<typeof ready>>) =>
  jupyter.calls.filter(({ path }) => path.startsWith(PATH)).length;

test("where nobody has allowed it, no request is sent", async () => {
  const parts = await ready();
  const tab = parts.page();
  tab.link(ONE);
  await tab.signIn(ONE);
  parts.page("delivery").say({ type: "terminals", allowed: false });
  await parts.clock.advance(100);
  expect(asked(parts)).toBe(0);
});

test("a terminal gets the token, of a configured provider by its name, of another by its host or address", async () => {
  const parts = await ready();
  const { page, ask, answers, polls, jupyter } = parts;
  jupyter.providers = [{ ...CORP, scopes: ["openid", "profile"] }];
  const tab = page();
  tab.link(ONE);
  await tab.signIn(ONE);
  const labextension = page("delivery");
  labextension.say({ type: "server", headers: { "X-XSRFToken": "x" } });
  labextension.say({ type: "terminals", allowed: true });
  for (const [index, name] of ["corp", "idp.example.com", "https://idp.example.com/"].entries()) {
    ask(name);
    await until(() => answers.length > index);
  }
  expect(answers).toEqual(Array(3).fill({ id: "a".repeat(43), browser: expect.any(String), access_token: "access-2" }));
  expect(answers[0].browser).toMatch(/^[\w-]{43}$/);
  await until(() => polls.length === 1);
  expect(polls[0].headers.get("x-xsrftoken")).toBe("x");
  expect(JSON.stringify(labextension.received)).not.toContain("access-");
});

test("a token that ends soon is renewed; while the provider is away, what is left of it is good enough", async () => {
  const { page, ask, answers, clock, idp } = await ready();
  idp.lifetime = 300;
  const tab = page();
  tab.link(ONE, {}, { auto_refresh: false });
  await tab.signIn(ONE);
  page("delivery").say({ type: "terminals", allowed: true });
  await clock.advance(260);
  idp.unreachable = () => true;
  ask("idp.example.com");
  await until(() => answers.length === 1);
  expect(answers[0]).toMatchObject({ access_token: "access-2" });
  idp.unreachable = () => false;
  tab.say({ type: "wake" });
  await clock.advance(30);
  ask("idp.example.com");
  await until(() => answers.length === 2);
  expect(answers[1].access_token).not.toBe("access-2");
});

test("where nobody is signed in, or no such provider is known, the terminal is told what there is", async () => {
  const { page, ask, answers, jupyter } = await ready();
  jupyter.providers = [{ ...CORP, scopes: [] }];
  page("sidebar").say({ type: "terminals", allowed: true });
  ask("corp");
  await until(() => answers.length === 1);
  expect(answers[0]).toMatchObject({ error: "no_token", error_description: expect.stringContaining("“corp”") });
  ask("other");
  await until(() => answers.length === 2);
  expect(answers[1]).toMatchObject({
    error: "unknown_provider",
    error_description: "There is no provider “other” here. There is “corp”.",
  });
});

test("after the sign-out there is none", async () => {
  const { page, ask, answers } = await ready();
  const tab = page();
  tab.link(ONE);
  await tab.signIn(ONE, BOB);
  page("delivery").say({ type: "terminals", allowed: true });
  tab.say({ type: "sign_out", link_id: ONE });
  ask("idp.example.com");
  await until(() => answers.length === 1);
  expect(answers[0]).toMatchObject({ error: "unknown_provider" });
});

test("it listens for as long as one page is there that allows it, and once for all of them", async () => {
  const { page, polls, crash } = await ready();
  const [one, two] = [page("delivery"), page("delivery")];
  one.say({ type: "terminals", allowed: true });
  two.say({ type: "terminals", allowed: true });
  await until(() => polls.length > 0);
  await settled();
  expect(polls).toHaveLength(1);
  one.say({ type: "terminals", allowed: false });
  await settled();
  expect(polls).toHaveLength(1);
  crash(two);
  await settled();
  expect(polls).toHaveLength(0);
});

test("a page that goes while its answer is on the way gives none", async () => {
  const { page, ask, answers, polls, jupyter } = await ready();
  const tab = page("delivery");
  tab.say({ type: "terminals", allowed: true });
  await until(() => polls.length === 1);
  let release: (value: string) => void = () => undefined;
  jupyter.slowProviders = new Promise((resolve) => {
    release = resolve;
  });
  ask("corp");
  await settled();
  tab.say({ type: "terminals", allowed: false });
  release("");
  await settled();
  expect(answers).toEqual([]);
});

test("a server that is away is asked again after ever longer pauses", async () => {
  const parts = await ready();
  const { page, clock, state, polls } = parts;
  state.away = true;
  page("delivery").say({ type: "terminals", allowed: true });
  await clock.advance(100);
  expect(asked(parts)).toBe(8); // at once, after 1, 2, 4, 8, 16, and then each 30 s
  state.away = false;
  await clock.advance(30);
  expect(polls).toHaveLength(1);
});

test("an answer that was not taken is worked on for a while, so that the server does not ask for it in a circle", async () => {
  const { page, ask, answers, polls, clock, state } = await ready();
  state.takes = 400;
  page("delivery").say({ type: "terminals", allowed: true });
  ask("corp");
  await until(() => answers.length === 1);
  /** What the browser says that it works on, once its present request is answered. */
  const worksOn = async () => {
    await settled();
    polls.pop()?.settle(new Response(null, { status: 204 }));
    await until(() => polls.length === 1);
    return polls[0].body.working;
  };
  expect(await worksOn()).toEqual(["a".repeat(43)]);
  await clock.advance(6);
  expect(await worksOn()).toEqual([]);
});

test.each([{}, { id: "../../api/shutdown", provider: "corp" }, { id: "a".repeat(43) }, []])(
  "what is no question (%j) is not answered",
  async (question) => {
    const { page, answers, polls } = await ready();
    vi.spyOn(console, "warn");
    page("delivery").say({ type: "terminals", allowed: true });
    await until(() => polls.length === 1);
    polls.pop()?.settle(Response.json(question));
    await settled();
    expect(answers).toEqual([]);
  },
);

test("a widget's port can't allow it", async () => {
  const parts = await ready();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  parts.page().send({ type: "terminals", allowed: true });
  await settled();
  expect(asked(parts)).toBe(0);
});
