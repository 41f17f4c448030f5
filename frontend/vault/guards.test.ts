import { describe, expect, test } from "vitest";
import { wanted } from "../testing/page.js";
import { checked } from "./guards.js";
import type { ToVault } from "./messages.js";
import { maySay } from "./roles.js";

const LINK = { link_id: "link-1" };
/** One of each; a message that is missing here does not compile. */
const RIGHT: { [Type in ToVault["type"]]: Extract<ToVault, { type: Type }> } = {
  hello: { type: "hello", page_id: "p", role: "widget", headers: { "X-XSRFToken": "x", Authorization: "token t" } },
  server: { type: "server", headers: {} },
  bye: { type: "bye" },
  wake: { type: "wake" },
  link: {
    type: "link",
    ...LINK,
    wanted: wanted(),
    options: { auto_refresh: true, share_id_token: false, label: null },
    kernel_id: "k",
    account: null,
  },
  unlink: { type: "unlink", ...LINK },
  begin: { type: "begin", ...LINK, prepared_id: "p" },
  cancel: { type: "cancel", ...LINK },
  window_closed: { type: "window_closed", ...LINK, problem: { code: "timeout", message: "x" } },
  accept: { type: "accept", ...LINK },
  sign_out: { type: "sign_out", ...LINK },
  log_out: { type: "log_out", ...LINK },
  refresh: { type: "refresh", ...LINK, id: "q", resource: null, scopes: ["a"] },
  tell_again: { type: "tell_again", ...LINK },
  tell_kernel: { type: "tell_kernel", ...LINK, event: "page", payload: { popup: true } },
  result: { type: "result", delivery: 1, result: "delivered", place: { path: "a", name: "b" }, signed_out: true },
  settings: { type: "settings", settings: { confirmSharing: true } },
  terminals: { type: "terminals", allowed: true },
  list_sessions: { type: "list_sessions" },
};

test.each(Object.values(RIGHT))("$type is taken as it is", (message) => {
  expect(checked(message)).toEqual(message);
});

test("nothing comes along that does not belong to the message", () => {
  const message = { ...RIGHT.link, endpoints: { token_endpoint: "https://evil.example.com" }, __proto__: { x: 1 } };
  expect(checked(message)).toEqual(RIGHT.link);
});

describe("what does not fit is no message", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const huge = "x".repeat(10_000);
  const link = RIGHT.link;
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a text", "hello"],
    ["a list", [RIGHT.bye]],
    ["no type", {}],
    ["a type that is inherited", { type: "constructor" }],
    ["an unknown type", { type: "persist" }],
    ["a role that is none", { ...RIGHT.hello, role: "toString" }],
    ["a header that is not the server's", { ...RIGHT.server, headers: { Host: "evil.example.com" } }],
    ["a header that no request can have", { ...RIGHT.server, headers: { Authorization: "a\nb" } }],
    ["an authority that is a number", { ...link, wanted: wanted({ authority: 5 as never }) }],
    ["scopes that are a text", { ...link, wanted: wanted({ scopes: "openid" as never }) }],
    ["scopes that are numbers", { ...link, wanted: wanted({ scopes: [1] as never }) }],
    ["parameters that are no texts", { ...link, wanted: wanted({ extra_params: { prompt: {} } as never }) }],
    ["a wish that is missing", { ...link, wanted: undefined }],
    ["a very long address", { ...link, wanted: wanted({ authority: huge }) }],
    ["options of another kind", { ...link, options: { auto_refresh: "yes", share_id_token: true } }],
    ["an id that is a number", { ...RIGHT.begin, link_id: 7 }],
    ["an empty id", { ...RIGHT.begin, link_id: "" }],
    ["an id that is a list", { ...RIGHT.begin, link_id: ["link-1"] }],
    ["a token for a kernel", { ...RIGHT.tell_kernel, event: "token", payload: { access_token: "evil" } }],
    ["an answer for a kernel", { ...RIGHT.tell_kernel, event: "answer" }],
    ["a payload that is a list", { ...RIGHT.tell_kernel, payload: [] }],
    ["a payload that is no JSON", { ...RIGHT.tell_kernel, payload: cyclic }],
    ["a payload without end", { ...RIGHT.tell_kernel, payload: { x: huge.repeat(10) } }],
    ["a result that is none", { ...RIGHT.result, result: "maybe" }],
    ["a delivery that is no number", { ...RIGHT.result, delivery: "1" }],
    ["settings that are none", { ...RIGHT.settings, settings: { confirmSharing: "no" } }],
  ])("%s", (_, data) => expect(checked(data)).toBeUndefined());
});

test("each kind of port may say what belongs to it", () => {
  const said = (role: "widget" | "sidebar" | "delivery" | undefined) =>
    (Object.keys(RIGHT) as ToVault["type"][]).filter((type) => maySay(role, type));
  expect(said(undefined)).toEqual(["hello"]);
  expect(said("delivery")).toEqual(["hello", "server", "bye", "wake", "result", "settings", "terminals"]);
  expect(said("widget")).not.toEqual(expect.arrayContaining(["settings"]));
  for (const type of ["settings", "list_sessions", "result", "terminals"] as const)
    expect(said("widget")).not.toContain(type);
  for (const type of ["result", "refresh", "tell_kernel"] as const) expect(said("sidebar")).not.toContain(type);
});
