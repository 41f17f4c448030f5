import { describe, expect, test } from "vitest";
import { settled, until } from "../../testing/clock.js";
import { BOB, refusal } from "../../testing/provider.js";
import { SigningKey } from "../../testing/signing-key.js";
import { vaultAndProvider } from "../../testing/vault.js";
import type { LinkOptions } from "../messages.js";

const LINK = "link-1";

/** Somebody has signed in; the token lives for 300 s. */
async function signedIn(options: Partial<LinkOptions> = {}, prepare?: (setup: Setup) => void) {
  const setup = await vaultAndProvider();
  prepare?.(setup);
  const tab = setup.page();
  tab.link(LINK, {}, options);
  await tab.signIn(LINK);
  const refreshes = () => setup.idp.tokenRequests.filter(({ grant_type }) => grant_type === "refresh_token");
  const tokens = () => tab.delivered(LINK, "token").map(({ access_token }) => access_token);
  return { ...setup, tab, refreshes, tokens };
}
type Setup = Awaited<ReturnType<typeof vaultAndProvider>>;

describe("a token", () => {
  test("is renewed when 80 % of its life is over, and brought to the kernel", async () => {
    const { clock, refreshes, tokens } = await signedIn();
    await clock.advance(239);
    expect(refreshes()).toHaveLength(0);
    await clock.advance(2);
    expect(refreshes()).toHaveLength(1);
    expect(tokens()).toHaveLength(2);
    expect(new Set(tokens()).size).toBe(2);
  });

  test("stays fresh for half a day, and no refresh token is ever used twice", async () => {
    const { clock, idp, refreshes, tab } = await signedIn();
    await clock.advance(12 * 3600);
    // 180 where signatures take no time; on a busy machine the test's clock runs on while one is made.
    expect(refreshes().length).toBeGreaterThan(140);
    expect(refreshes().length).toBeLessThan(186);
    expect(idp.reused).toEqual([]);
    expect(tab.state(LINK)?.status).toBe("signed_in");
  });

  test("is asked for once, however many ask at a time", async () => {
    const { clock, idp, refreshes, tab, tokens } = await signedIn();
    for (let count = 0; count < 10; count += 1) tab.say({ type: "refresh", link_id: LINK, id: `q${count}` });
    clock.jump(250);
    tab.say({ type: "wake" });
    await clock.advance(0);
    expect(refreshes()).toHaveLength(1);
    expect(idp.reused).toEqual([]);
    const answers = tab.delivered(LINK, "answer");
    expect(answers).toHaveLength(10);
    for (const { access_token } of answers) expect(access_token).toBe(tokens().at(-1));
  });

  test("for several APIs at a time is asked for one after the other, each with the newest refresh token", async () => {
    const { idp, refreshes, tab } = await signedIn();
    const apis = ["https://a.example.com", "https://b.example.com", "https://c.example.com"];
    for (const resource of apis) {
      idp.resources.add(resource);
      tab.say({ type: "refresh", link_id: LINK, id: resource, resource });
    }
    tab.say({ type: "refresh", link_id: LINK, id: "own" });
    await until(() => tab.delivered(LINK, "answer").length === 4);
    expect(refreshes()).toHaveLength(4);
    expect(new Set(refreshes().map((form) => form.refresh_token)).size).toBe(4);
    expect(idp.reused).toEqual([]);
  });

  test("is renewed at once when the computer wakes up", async () => {
    const { clock, refreshes, tab } = await signedIn();
    clock.jump(8 * 3600);
    tab.say({ type: "wake" });
    await clock.advance(0);
    expect(refreshes()).toHaveLength(1);
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in", expires_in: 300 });
  });

  test("is not renewed too early when a page only says that it is visible again", async () => {
    const { clock, refreshes, tab } = await signedIn();
    for (let count = 0; count < 20; count += 1) {
      await clock.advance(10);
      tab.say({ type: "wake" });
    }
    expect(refreshes()).toHaveLength(0);
    await clock.advance(50);
    expect(refreshes()).toHaveLength(1);
  });

  test("is left to end where the widget was made without auto_refresh; the kernel is told when it does", async () => {
    const { clock, refreshes, tab } = await signedIn({ auto_refresh: false });
    await clock.advance(299);
    expect(tab.state(LINK)?.status).toBe("signed_in");
    await clock.advance(2);
    expect(refreshes()).toHaveLength(0);
    expect(tab.state(LINK)?.status).toBe("expired");
    expect(tab.delivered(LINK).at(-1)).toMatchObject({ status: "expired", ended: true });
    tab.say({ type: "refresh", link_id: LINK });
    await until(() => tab.state(LINK)?.status === "signed_in");
  });

  test("whose life the provider does not tell is renewed when somebody asks, and never by itself", async () => {
    const { clock, refreshes, tab } = await signedIn({}, ({ idp }) => {
      idp.answer = ({ expires_in: _, ...body }) => body;
    });
    await clock.advance(3 * 3600);
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in" });
    expect(tab.state(LINK)?.expires_in).toBeUndefined();
    expect(refreshes()).toHaveLength(0);
    tab.say({ type: "refresh", link_id: LINK, id: "q" });
    await until(() => tab.delivered(LINK, "answer").at(-1)?.access_token);
    expect(refreshes()).toHaveLength(1);
  });

  test("that lives for a year is not renewed every day", async () => {
    const { clock, refreshes, tab } = await signedIn({}, ({ idp }) => {
      idp.lifetime = 365 * 24 * 3600;
    });
    clock.jump(200 * 24 * 3600);
    tab.say({ type: "wake" });
    await clock.advance(600);
    expect(refreshes()).toHaveLength(0);
    expect(tab.state(LINK)?.status).toBe("signed_in");
  });

  test("without refresh token ends when it ends, and asking for a new one does not end it sooner", async () => {
    const { clock, refreshes, tab } = await signedIn({}, ({ idp }) => {
      idp.answer = ({ refresh_token: _, ...body }) => body;
    });
    tab.say({ type: "refresh", link_id: LINK, id: "q" });
    await until(() => tab.delivered(LINK, "answer").at(-1));
    expect(tab.delivered(LINK, "answer").at(-1)).toMatchObject({ error: { code: "invalid_grant" } });
    expect(tab.delivered(LINK, "answer").at(-1)?.error).toMatchObject({
      hint: expect.stringContaining("offline_access"),
    });
    expect(tab.state(LINK)?.status).toBe("signed_in");
    await clock.advance(301);
    expect(tab.state(LINK)?.status).toBe("expired");
    expect(refreshes()).toHaveLength(0);
  });

  test("comes also where the provider keeps its refresh token for good and sends none again", async () => {
    const { clock, idp, tab, tokens } = await signedIn();
    const [steady] = idp.refreshTokens.keys();
    idp.answer = ({ refresh_token, ...body }) => {
      const issued = idp.refreshTokens.get(refresh_token as string);
      idp.refreshTokens.delete(refresh_token as string);
      idp.forgive(steady);
      if (issued) idp.refreshTokens.set(steady, issued);
      return body;
    };
    await clock.advance(1000);
    expect(tab.state(LINK)?.status).toBe("signed_in");
    expect(tokens().length).toBeGreaterThan(4);
    expect(new Set(idp.tokenRequests.slice(1).map((form) => form.refresh_token))).toEqual(new Set([steady]));
  });

  test("is renewed also while the provider's keys can't be had: its ID token waits for the next time", async () => {
    const { clock, idp, tab, tokens } = await signedIn();
    const { jwks_uri } = idp.metadata;
    idp.metadata.jwks_uri = "https://idp.example.com/moved";
    idp.idToken = (claims) => ({ ...claims, name: "Alice Baker" });
    await clock.advance(1000); // the library asks for keys anew after 300 s
    expect(tokens().length).toBeGreaterThan(3);
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in" });
    expect(tab.state(LINK)?.error).toBeUndefined();
    idp.metadata.jwks_uri = jwks_uri;
    await clock.advance(300);
    expect(tab.delivered(LINK, "token").at(-1)?.claims).toMatchObject({ name: "Alice Baker" });
  });

  test("of another person is not taken (OpenID Connect Core §12.2)", async () => {
    const { clock, idp, tab, tokens } = await signedIn();
    idp.idToken = (claims) => ({ ...claims, ...BOB });
    await clock.advance(250);
    expect(tokens()).toHaveLength(1);
    expect(tab.state(LINK)).toMatchObject({ status: "expired", error: { code: "id_token_invalid" } });
  });
});

describe("while the provider can't be reached", () => {
  test("it is tried again after growing pauses of ten seconds at most, and the token is used as long as it lives", async () => {
    const { clock, idp, tab } = await signedIn();
    const times: number[] = [];
    idp.unreachable = () => {
      times.push(clock.elapsed());
      return true;
    };
    await clock.advance(241);
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in", error: { code: "token_endpoint_unreachable" } });
    await clock.advance(50);
    expect(times.slice(0, 5)).toEqual([240, 241, 243, 247, 255]);
    expect(tab.state(LINK)?.status).toBe("signed_in");
    await clock.advance(10);
    expect(tab.state(LINK)?.status).toBe("expired");
    await clock.advance(3600);
    const pauses = times.slice(1).map((time, index) => time - times[index]);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(10);
    expect(times.length).toBeLessThan(400);
  });

  test("its kernel is told once that the token is over, and gets a new one without a click when it is back", async () => {
    const { clock, idp, tab, tokens } = await signedIn();
    let down = true;
    idp.unreachable = () => down;
    await clock.advance(1000);
    expect(tab.state(LINK)?.status).toBe("expired");
    expect(tab.delivered(LINK, "status").filter(({ status }) => status === "expired")).toHaveLength(1);
    expect(tokens()).toHaveLength(1);
    down = false;
    await clock.advance(80);
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in" });
    expect(tab.state(LINK)?.error).toBeUndefined();
    expect(tokens()).toHaveLength(2);
    expect(idp.reused).toEqual([]);
  });

  test("a page that is online again does not wait for the end of the pause", async () => {
    const { clock, idp, refreshes, tab } = await signedIn();
    idp.unreachable = () => true;
    await clock.advance(600);
    const before = refreshes().length;
    idp.unreachable = () => false;
    tab.say({ type: "wake" });
    await clock.advance(0);
    expect(refreshes()).toHaveLength(before + 1);
    expect(tab.state(LINK)?.status).toBe("signed_in");
  });
});

describe("a provider that asks for patience", () => {
  test("is not asked before its time, however many ask; they hear what came of the last try", async () => {
    const { clock, idp, refreshes, tab } = await signedIn();
    idp.overloaded = () => new Response("", { status: 429, headers: { "retry-after": "40" } });
    for (let count = 0; count < 60; count += 1) {
      tab.say({ type: "refresh", link_id: LINK, id: `q${count}` });
      await clock.advance(0.5);
    }
    expect(refreshes()).toHaveLength(1);
    const answers = tab.delivered(LINK, "answer");
    expect(answers).toHaveLength(60);
    for (const { error } of answers) expect(error).toMatchObject({ code: "token_endpoint_unreachable" });
    tab.say({ type: "wake" }); // nor by a page that comes to the front
    await clock.advance(9);
    expect(refreshes()).toHaveLength(1);
    idp.overloaded = undefined;
    await clock.advance(2);
    tab.say({ type: "refresh", link_id: LINK, id: "after" });
    await until(() => tab.delivered(LINK, "answer").at(-1)?.access_token);
    expect(tab.state(LINK)?.status).toBe("signed_in");
  });

  test("gets its next request when its time has come, not after a pause of our own", async () => {
    const { clock, idp, refreshes } = await signedIn();
    idp.overloaded = () => new Response("", { status: 503, headers: { "retry-after": "40" } });
    await clock.advance(241);
    expect(refreshes()).toHaveLength(1);
    idp.overloaded = undefined;
    await clock.advance(38);
    expect(refreshes()).toHaveLength(1);
    await clock.advance(2);
    expect(refreshes()).toHaveLength(2);
  });

  test("may say so by a date", async () => {
    const { clock, idp, refreshes } = await signedIn();
    const date = new Date(Date.now() + 270_000).toUTCString();
    idp.overloaded = () => new Response("", { status: 503, headers: { "retry-after": date } });
    await clock.advance(268);
    expect(refreshes()).toHaveLength(1);
    idp.overloaded = undefined;
    await clock.advance(4);
    expect(refreshes()).toHaveLength(2);
  });

  test("for several APIs is asked for none of them", async () => {
    const { idp, refreshes, tab } = await signedIn();
    idp.overloaded = () => new Response("", { status: 429 });
    for (const resource of ["a", "b", "c"]) tab.say({ type: "refresh", link_id: LINK, id: resource, resource });
    await until(() => tab.delivered(LINK, "answer").length === 3);
    expect(refreshes()).toHaveLength(1);
  });

  test("that is back is asked within seconds, however long it was away", async () => {
    const { clock, idp, tab } = await signedIn();
    idp.overloaded = () => new Response("", { status: 503 });
    await clock.advance(3600);
    idp.overloaded = undefined;
    await clock.advance(13);
    expect(tab.state(LINK)?.status).toBe("signed_in");
  });
});

describe("keys that the provider has changed", () => {
  test("end no session: an unknown one is looked up once, past every cache", async () => {
    const { clock, idp, tab, tokens } = await signedIn();
    idp.useKey(await SigningKey.make("ES256", "key-2"));
    tab.say({ type: "refresh", link_id: LINK }); // a moment after the keys were fetched
    await until(() => tokens().length === 2);
    idp.useKey(await SigningKey.make("ES256", "key-3"));
    await clock.advance(250);
    expect(tokens().length).toBeGreaterThan(2);
    expect(tab.state(LINK)?.status).toBe("signed_in");
    expect(tab.state(LINK)?.error).toBeUndefined();
  });

  test("that fit nothing end it, and its tokens at the provider", async () => {
    const { clock, idp, tab } = await signedIn();
    const other = await SigningKey.make("ES256", "key-1");
    idp.idToken = (claims) => other.sign(claims);
    await clock.advance(250);
    expect(tab.state(LINK)).toMatchObject({ status: "expired", error: { code: "id_token_invalid" } });
    expect(tab.state(LINK)?.ended_by_provider).toBe(false);
    await until(() => idp.refreshTokens.size === 0);
  });
});

test("tokens for another API that are somebody else's end the session: its refresh token is no better", async () => {
  const { idp, tab } = await signedIn();
  const resource = "https://api.example.com";
  idp.resources.add(resource);
  idp.idToken = (claims) => ({ ...claims, ...BOB });
  tab.say({ type: "refresh", link_id: LINK, id: "q", resource });
  await until(() => tab.state(LINK)?.status === "expired");
  expect(tab.state(LINK)?.error?.code).toBe("id_token_invalid");
  await until(() => idp.refreshTokens.size === 0);
});

describe("what is shown of a session", () => {
  test("tells whether it is renewed by itself", async () => {
    expect((await signedIn()).tab.state(LINK)?.renewed).toBe(true);
    expect((await signedIn({ auto_refresh: false })).tab.state(LINK)?.renewed).toBe(false);
    const without = await signedIn({}, ({ idp }) => {
      idp.answer = ({ refresh_token: _, ...body }) => body;
    });
    expect(without.tab.state(LINK)?.renewed).toBe(false);
  });

  test.each(["invalid_grant", "invalid_request"])(
    "says that the provider ended it, where a good refresh token is dead by %s",
    async (error) => {
      const { clock, idp, tab } = await signedIn();
      await clock.advance(250); // it worked before
      idp.answer = () => refusal(error, "Token is not active");
      await clock.advance(250);
      expect(tab.state(LINK)).toMatchObject({
        status: "expired",
        ended_by_provider: true,
        error: { code: "invalid_grant", message: expect.stringContaining("Token is not active") },
      });
      expect(tab.delivered(LINK, "status").at(-1)).toMatchObject({ error: { code: "invalid_grant" } });
      expect(tab.delivered(LINK, "status").at(-1)?.error).not.toHaveProperty("sentences");
    },
  );

  test("does not say so of a request that never worked", async () => {
    const { clock, idp, tab } = await signedIn();
    idp.answer = () => refusal("invalid_request");
    await clock.advance(250);
    expect(tab.state(LINK)).toMatchObject({ status: "expired", error: { code: "token_request_refused" } });
  });

  test("keeps what a richer ID token said when a narrower one comes, but not when they sign in anew", async () => {
    const { clock, idp, tab } = await signedIn({}, (setup) => {
      setup.idp.idToken = (claims) => ({ ...claims, email: "alice@example.com", acr: "mfa" });
    });
    idp.idToken = ({ name: _, ...claims }) => claims;
    await clock.advance(250);
    expect(tab.delivered(LINK, "token").at(-1)?.claims).toMatchObject({
      name: "Alice Adams",
      email: "alice@example.com",
      acr: "mfa",
    });
    await tab.open(LINK).then((url) => tab.callBack(url, idp.authorize(url)));
    const claims = tab.delivered(LINK, "token").at(-1)?.claims;
    expect(claims).toMatchObject({ name: "Alice Adams" });
    expect(claims).not.toHaveProperty("acr"); // that was the other sign-in's
  });

  test("is one widget's trouble at that widget alone", async () => {
    const { idp, tab } = await signedIn();
    const api = "https://api.example.com";
    idp.resources.add(api);
    tab.link("two", { resource: api });
    await until(() => tab.state("two")?.status === "signed_in");
    idp.resources.delete(api);
    tab.say({ type: "refresh", link_id: "two", id: "q" });
    await until(() => tab.state("two")?.error);
    expect(tab.state("two")?.error?.code).toBe("scope_unavailable");
    expect(tab.state(LINK)?.error).toBeUndefined();
    expect(tab.delivered(LINK, "status").filter(({ error }) => error)).toEqual([]);
  });

  test.each<[string, object, object]>([
    ["a resource that was ignored", { resource: "https://api.example.com" }, { aud: "https://other.example.com" }],
    ["an audience that was ignored", { audience: "api" }, { aud: ["account", "other"] }],
  ])("warns once of %s", async (_, changes, claims) => {
    const { idp, page, clock } = await vaultAndProvider();
    idp.answer = async (body) => ({ ...body, access_token: await idp.key.sign(claims) });
    const tab = page();
    tab.link(LINK, changes);
    await tab.signIn(LINK);
    await until(() => tab.state(LINK)?.warning);
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in", warning: { code: "scope_unavailable" } });
    await clock.advance(1000);
    const told = tab.delivered(LINK, "status").filter(({ warning }) => warning);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ status: "signed_in", ended: false });
  });

  test("warns of scopes that the provider says it did not grant", async () => {
    const { tab } = await signedIn({}, (setup) => {
      setup.idp.answer = (body) => ({ ...body, scope: "openid" });
    });
    expect(tab.state(LINK)?.warning).toBeUndefined(); // `profile` is about claims
    const { idp, page } = await vaultAndProvider();
    idp.answer = (body) => ({ ...body, scope: "openid read" });
    const other = page();
    other.link(LINK, { scopes: ["openid", "read", "write"] });
    await other.signIn(LINK);
    await until(() => other.state(LINK)?.warning);
    expect(other.state(LINK)?.warning?.message).toContain("write");
  });

  test.each<[string, object]>([
    ["the resource", { aud: "https://api.example.com/" }],
    ["it among others", { aud: ["x", "https://api.example.com"] }],
    ["nothing", {}],
  ])("does not warn where the token names %s", async (_, claims) => {
    const { idp, page } = await vaultAndProvider();
    idp.answer = async (body) => ({ ...body, access_token: await idp.key.sign(claims) });
    const tab = page();
    tab.link(LINK, { resource: "https://api.example.com" });
    await tab.signIn(LINK);
    await settled();
    expect(tab.state(LINK)?.warning).toBeUndefined();
  });
});

describe("a session is taken by a link", () => {
  test("that asks for a fresh sign-in only while the last one is fresh, and is not lost when it gets old", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    const auth_time = Date.now() / 1000;
    idp.idToken = (claims) => ({ ...claims, auth_time });
    const tab = page();
    tab.link(LINK);
    await tab.signIn(LINK);
    await clock.advance(10);
    tab.link("fresh", { extra_params: { max_age: "60" } });
    await until(() => tab.state("fresh")?.status === "signed_in");
    await clock.advance(60);
    tab.link("late", { extra_params: { max_age: "60" } });
    await settled();
    expect(tab.state("late")?.status).toBe("signed_out");
    expect(tab.delivered("late", "token")).toEqual([]);
    expect(tab.state("fresh")?.status).toBe("signed_in");
    await clock.advance(1000); // a refresh asks nothing of the kind
    expect(tab.state("fresh")?.status).toBe("signed_in");
  });

  test("that asks for a fresh sign-in never where the provider does not say when it was", async () => {
    const { tab } = await signedIn();
    tab.link("fresh", { extra_params: { max_age: "600" } });
    await settled();
    expect(tab.state("fresh")?.status).toBe("signed_out");
  });

  test("that was asked for while the sign-in was fresh, not when the person agrees too late", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    idp.idToken = (claims) => ({ ...claims, auth_time: claims.iat });
    page("sidebar").say({ type: "settings", settings: { confirmSharing: true } });
    const tab = page();
    tab.link(LINK);
    await tab.signIn(LINK);
    tab.link("fresh", { extra_params: { max_age: "60" } });
    await until(() => tab.state("fresh")?.offer);
    await clock.advance(100);
    tab.say({ type: "accept", link_id: "fresh" });
    await settled();
    expect(tab.delivered("fresh", "token")).toEqual([]);
  });
});

describe("a refusal", () => {
  test.each(["invalid_grant", "invalid_client", "unauthorized_client"])(
    "with %s ends the sign-in: nothing is asked again until the person signs in",
    async (error) => {
      const { clock, idp, refreshes, tab } = await signedIn();
      idp.answer = () => refusal(error);
      await clock.advance(241);
      expect(tab.state(LINK)).toMatchObject({ status: "expired" });
      await clock.advance(3600);
      expect(refreshes()).toHaveLength(1);
      tab.say({ type: "refresh", link_id: LINK, id: "q" });
      await settled();
      expect(refreshes()).toHaveLength(1);
      expect(tab.delivered(LINK, "answer").at(-1)).toHaveProperty("error");
    },
  );
});

describe("a second sign-in for the same", () => {
  test("is not disturbed by a refresh of the first that was under way, and ends with it", async () => {
    const { clock, idp, tab, tokens, refreshes } = await signedIn();
    let release = () => {};
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    idp.answer = async (body, { grant_type }) => {
      if (grant_type === "refresh_token") await late;
      return grant_type === "refresh_token" ? refusal("invalid_grant") : body;
    };
    await clock.advance(241);
    expect(refreshes()).toHaveLength(1);
    await tab.signIn(LINK);
    idp.answer = undefined;
    release();
    await settled();
    expect(tab.state(LINK)).toMatchObject({ status: "signed_in" });
    expect(tab.state(LINK)?.error).toBeUndefined();
    const before = tokens().length;
    await clock.advance(1000);
    expect(tab.state(LINK)?.status).toBe("signed_in");
    expect(tokens().length).toBeGreaterThan(before + 3);
  });

  test("leaves no refresh token of the first good after the sign-out", async () => {
    const { idp, tab } = await signedIn();
    const [first] = idp.refreshTokens.keys();
    await tab.signIn(LINK);
    expect(idp.refreshTokens.size).toBe(2);
    expect(idp.revoked).toEqual([]); // some providers would end the new one with it
    tab.say({ type: "sign_out", link_id: LINK });
    await until(() => idp.revoked.length === 2);
    expect(idp.revoked).toContain(first);
    expect(idp.refreshTokens.size).toBe(0);
  });
});
