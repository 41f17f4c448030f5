import { describe, expect, test } from "vitest";
import { readMessage, readState } from "./entrance.js";

const REQUEST = {
  authority: "https://idp.example.com",
  client_id: "notebooks",
  provider: null,
  scopes: ["openid"],
  resource: null,
  audience: null,
  extra_params: { prompt: "login" },
  redirect_uri: null,
};
const OPTIONS = { auto_refresh: true, share_id_token: false, label: "Corp", flow: "auto" };
const read = (changes: Record<string, unknown> = {}) => {
  const state: Record<string, unknown> = { _link_id: "abc", _request: REQUEST, _options: OPTIONS, ...changes };
  return readState((name) => state[name]);
};

describe("a widget's state", () => {
  test("is what the kernel's OIDCLogin has written", () => {
    expect(read()).toEqual({
      id: "abc",
      wanted: REQUEST,
      options: { auto_refresh: true, share_id_token: false, label: "Corp" },
      alone: false,
      either: true,
    });
    expect(read({ _options: { ...OPTIONS, flow: "device" } })).toMatchObject({ alone: true, either: false });
    expect(read({ _options: { ...OPTIONS, flow: "loopback" } })?.alone).toBe(true);
    expect(read({ _options: { ...OPTIONS, flow: "popup" } })).toMatchObject({ alone: false, either: false });
  });

  test("sets nothing that is not its own to set", () => {
    const hostile = {
      _request: { ...REQUEST, endpoints: { token_endpoint: "https://evil.example" }, relay: true, account: "x" },
      _options: { ...OPTIONS, kernel: false, kernel_id: "another" },
    };
    expect(read(hostile)).toEqual(read());
  });

  test.each([
    { _link_id: 5 },
    { _link_id: "" },
    { _link_id: { toString: "x" } },
    { _link_id: "x".repeat(10_000) },
    { _request: null },
    { _request: { ...REQUEST, authority: 5 } },
    { _request: { ...REQUEST, client_id: {} } },
    { _request: { ...REQUEST, scopes: "openid" } },
    { _request: { ...REQUEST, scopes: [1] } },
    { _request: { ...REQUEST, extra_params: { max_age: 5 } } },
    { _options: { ...OPTIONS, label: ["Corp"] } },
  ])("of another form is none: %j", (changes) => {
    expect(read(changes)).toBeUndefined();
  });
});

describe("a message of a kernel", () => {
  test.each(["sign_in", "sign_out", "cancel", "ping"])("asks: %s", (kind) => {
    expect(readMessage({ kind, window: true })).toEqual({ kind });
  });

  test("tells what the kernel holds, and no more than a view shows", () => {
    const says = { kind: "state", status: "signed_in", account: "Alice", expires_in: 5, access_token: "secret" };
    const read = readMessage(says);
    expect(read).toMatchObject({ kind: "state", status: "signed_in", account: "Alice", expires_in: 5, renewed: false });
    expect(JSON.stringify(read)).not.toContain("secret");
  });

  test.each([
    null,
    5,
    "sign_in",
    [],
    {},
    { kind: "accept" },
    { kind: "begin", link_id: "another" },
    { kind: "settings", settings: {} },
    { kind: "state", status: "signed" },
    { kind: "problem", problem: { code: "x" }, attempt: 1 },
    { kind: "problem", problem: { code: "x", message: "y" } },
    { kind: "diagnose", id: {} },
    { kind: "probe", page: "x", address: "https://evil.example/" },
    { kind: "probe", page: "x", address: "http://127.0.0.1:1@evil.example/" },
    { kind: "probe", page: "x", address: "http://127.0.0.1:80/?code=1" },
    { kind: "probe", page: 5, address: "http://127.0.0.1:8000/abc" },
    { kind: "constructor" },
  ])("of another kind is none: %j", (message) => {
    expect(readMessage(message)).toBeUndefined();
  });

  test.each([
    [
      { kind: "state", status: "signed_in", account: {}, expires_in: "5", error: "no" },
      { account: null, error: undefined },
    ],
    [{ kind: "state", status: "signed_in", expires_in: Number.NaN }, { expires_in: null }],
    [{ kind: "state", status: "signing_in", device: { user_code: 5 } }, { device: null }],
    [
      { kind: "refresh", id: 5, scopes: "openid", resource: [] },
      { scopes: null, resource: null },
    ],
  ])("is read as far as it is of the right form: %j", (message, read) => {
    expect(readMessage(message)).toMatchObject(read);
  });
});
