/** The product in Firefox: `make test-firefox`. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { startFirefox } from "./firefox.mjs";
import { fillIn, Notebook, openLab } from "./notebook.mjs";
import { startServers } from "./servers.mjs";

const BLOCKING = `
import time
print("blocking")
while w.access_token is None:
    time.sleep(0.02)
print(w.status, w.claims["name"])
`;

/** Counts the tokens that it sees while it blocks the kernel. */
const LONG_JOB = `
import time
seen, start = set(), time.monotonic()
while time.monotonic() - start < 20:
    seen.add(w.access_token)
    time.sleep(0.1)
print(len(seen), None in seen)
`;

const SHORT = 6;

/** What hangs fails, before the next test is in a hurry. */
const PATIENT = { timeout: 90_000 };

let servers;
let firefox;
let context;

before(async () => {
  // One after the other: what was started before a failure is there to be ended.
  servers = await startServers();
  firefox = await startFirefox();
});

after(async () => {
  await firefox?.close();
  await servers?.stop();
});

beforeEach(async () => {
  await servers.reset();
  context = await firefox.createBrowserContext();
});

afterEach(() => context.close());

function loginCell() {
  return `from oidc_widget import OIDCLogin\nw = OIDCLogin(${JSON.stringify(servers.issuer)}, ${JSON.stringify(servers.clientId)})\nw`;
}

/** A notebook with the widget on show, in a tab of its own. */
function shown(...cells) {
  return shownIn(context, ...cells);
}

async function shownIn(where, ...cells) {
  const notebook = await Notebook.open(await openLab(where, servers), servers, [loginCell(), ...cells]);
  await notebook.run(0);
  return notebook;
}

async function signIn(notebook, login = "alice") {
  await fillIn(await notebook.opened("Sign in"), login);
  await notebook.expectText("Signed in as");
  await notebook.expectKernel("w.status", "signed_in");
}

test("the token is there in the next cell", PATIENT, async () => {
  const notebook = await shown("w.access_token is not None, w.status, w.claims['name']");
  const popup = await notebook.opened("Sign in");
  await popup.waitForSelector('input[name="login"]', { timeout: 30_000 });
  // Nobody vouches for this provider, so its pages can't move ours.
  assert.equal(await popup.evaluate("window.opener"), null);
  await fillIn(popup);
  await notebook.expectText("Signed in as Alice Adams");
  await notebook.expectKernel("w.status", "signed_in");
  assert.equal(await notebook.run(1), "(True, 'signed_in', 'Alice Adams')");
  const [exchange] = await servers.requests("token", "authorization_code");
  assert.equal(exchange.params.redirect_uri, servers.redirectUris[0]);
});

test("the token arrives while a cell blocks", PATIENT, async () => {
  const notebook = await shown(BLOCKING);
  await notebook.start(1);
  await fillIn(await notebook.opened("Sign in"));
  assert.equal(await notebook.finish(1), "blocking\nsigned_in Alice Adams");
});

test("a token is renewed when asked for, and nobody notices", PATIENT, async () => {
  const notebook = await shown();
  await signIn(notebook);
  await notebook.execute("before = w.access_token; w.refresh()");
  await notebook.expectKernel("w.access_token not in (None, before), w.status", "True signed_in");
  assert.equal((await servers.requests("token", "refresh_token")).length, 1);
});

test("two tabs live on one chain of rotating refresh tokens", PATIENT, async () => {
  await servers.configure({ access_token_ttl: SHORT });
  const first = await shown(LONG_JOB);
  await signIn(first);
  const second = await shown(LONG_JOB);
  await second.expectText("Signed in as Alice Adams");
  await second.expectKernel("w.status", "signed_in");
  const jobs = [first, second];
  for (const notebook of jobs) await notebook.start(1);
  for (const notebook of jobs) {
    const [tokens, gap] = (await notebook.finish(1)).split(" ");
    assert.ok(Number(tokens) >= 3, `${tokens} tokens`);
    assert.equal(gap, "False");
  }
  const refreshes = await servers.requests("token", "refresh_token");
  assert.deepEqual(
    refreshes.filter(({ error }) => error),
    [],
  );
  for (const [index, refresh] of refreshes.slice(1).entries()) {
    assert.ok(refresh.time - refreshes[index].time > 0.7 * SHORT, "nobody asks twice for the same token");
  }
  assert.equal((await servers.requests("token", "authorization_code")).length, 1);
});

test("a sign-out in one tab counts in the other", PATIENT, async () => {
  const first = await shown();
  await signIn(first);
  const second = await shown();
  await second.expectKernel("w.status", "signed_in");
  await second.click("Sign out");
  for (const notebook of [second, first]) {
    await notebook.page.bringToFront();
    await notebook.control("Sign in");
    await notebook.expectKernel("(w.status, w.access_token)", "('signed_out', None)");
  }
  assert.deepEqual(
    (await servers.requests("revocation")).map(({ status }) => status),
    [200],
  );
});

test("a reload of the only tab ends the session, and one sentence says so", PATIENT, async () => {
  const notebook = await shown();
  await signIn(notebook);
  await notebook.reload();
  await notebook.expectText("reload");
  await notebook.control("Sign in");
  assert.equal((await notebook.text()).match(/reload/g).length, 1);
  // The provider knows the person, so the window closes by itself.
  await notebook.opened("Sign in");
  await notebook.expectText("Signed in as Alice Adams");
  await notebook.expectKernel("w.status", "signed_in");
});

test("a reload of one tab of two ends nothing", PATIENT, async () => {
  const first = await shown();
  await signIn(first);
  const second = await shown();
  await second.expectText("Signed in as Alice Adams");
  await second.reload();
  await second.expectText("Signed in as Alice Adams");
  await second.expectKernel("w.status", "signed_in");
  assert.equal((await servers.requests("token", "authorization_code")).length, 1);
});

test("a window that Firefox blocks becomes a link", PATIENT, async () => {
  const notebook = await shown();
  const button = await notebook.control("Sign in");
  // A click of nobody's, long after the last of a person's.
  await button.evaluate(async (element) => {
    while (navigator.userActivation.isActive) await new Promise(requestAnimationFrame);
    element.click();
  });
  await notebook.expectText("blocked");
  await fillIn(await notebook.opened("Open sign-in page", "a"));
  await notebook.expectText("Signed in as Alice Adams");
  await notebook.expectKernel("w.status", "signed_in");
});

test("a private window signs in, refreshes and signs out", PATIENT, async () => {
  const forgetful = await startFirefox({ "browser.privatebrowsing.autostart": true });
  try {
    const notebook = await shownIn(forgetful.defaultBrowserContext());
    await signIn(notebook);
    await notebook.execute("before = w.access_token; w.refresh()");
    await notebook.expectKernel("w.access_token not in (None, before)", "True");
    await notebook.click("Sign out");
    await notebook.control("Sign in");
    await notebook.expectKernel("(w.status, w.access_token)", "('signed_out', None)");
    assert.equal((await servers.requests("revocation")).length, 1);
  } finally {
    await forgetful.close();
  }
});
