// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type JupyterHost, jupyterHost } from "./host.js";
import { fetchProviders, type ServerProviders } from "./providers.js";

const HOST: JupyterHost = { baseUrl: "/user/alice/", filesUrl: "", headers: () => ({ "X-XSRFToken": "xsrf" }) };
const NONE: ServerProviders = { redirect_uri: null, providers: [] };

describe("asking the server", () => {
  test("takes its cookie and its token along", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json(NONE));
    vi.stubGlobal("fetch", fetch);
    expect(await fetchProviders(HOST)).toEqual(NONE);
    const [[url, init]] = fetch.mock.calls;
    expect(url).toBe("http://localhost:3000/user/alice/oidc-widget/api/providers");
    expect(init).toMatchObject({ credentials: "same-origin", headers: { "X-XSRFToken": "xsrf" } });
  });

  test("does without it where the server extension is not enabled", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
    expect(await fetchProviders(HOST)).toEqual(NONE);
  });

  test.each<[string, () => Promise<Response>]>([
    ["is gone", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["asks for a sign-in of its own", async () => new Response("", { status: 403 })],
    ["shows its sign-in page", async () => new Response("<!doctype html>")],
  ])("says so when it %s", async (_, answer) => {
    vi.stubGlobal("fetch", answer);
    await expect(fetchProviders(HOST)).rejects.toMatchObject({ code: "provider_unreachable" });
  });
});

describe("the page is a Jupyter page", () => {
  beforeEach(() => document.body.replaceChildren());

  const configured = (config: string) => {
    const script = document.createElement("script");
    script.id = "jupyter-config-data";
    script.type = "application/json";
    script.textContent = config;
    document.body.append(script);
    return jupyterHost();
  };

  test("when it has Jupyter's settings; XSRF cookie and token go along", () => {
    // biome-ignore lint/suspicious/noDocumentCookie: this is how a page reads it; Cookie Store is not everywhere
    document.cookie = "_xsrf=2|abc";
    const host = configured('{"baseUrl":"/a/","fullLabextensionsUrl":"/a/lab/extensions","token":"t"}');
    expect(host).toMatchObject({
      baseUrl: "/a/",
      filesUrl: "http://localhost:3000/a/lab/extensions/oidc-widget/static/",
    });
    expect(host?.headers()).toEqual({ "X-XSRFToken": "2|abc", Authorization: "token t" });
  });

  test.each(["", "{}", "[]", "null", "not JSON", '{"baseUrl":"/"}', '{"baseUrl":1,"fullLabextensionsUrl":2}'])(
    "only then: %j",
    (config) => expect(configured(config)).toBeNull(),
  );

  test("only then: nothing at all", () => expect(jupyterHost()).toBeNull());
});
