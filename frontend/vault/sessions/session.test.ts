import { describe, expect, test } from "vitest";
import { settled, until } from "../../testing/clock.js";
import { BOB, refusal } from "../../testing/provider.js";
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
  test("it is tried again after growing pauses of a minute at most, and the token is used as long as it lives", async () => {
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
    expect(Math.max(...pauses)).toBe(60);
    expect(times.length).toBeLessThan(80);
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
