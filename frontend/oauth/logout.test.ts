import { expect, test } from "vitest";
import { endSessionUrl } from "./logout.js";

const METADATA = { issuer: "https://idp.example.com", end_session_endpoint: "https://idp.example.com/logout?ui=1" };

test("a sign-out names the client alone: an address is kept in the browser's history", () => {
  const url = endSessionUrl(METADATA, "notebooks", {}, "id-token");
  expect(url).toBe("https://idp.example.com/logout?ui=1&client_id=notebooks");
  expect(endSessionUrl(METADATA, "notebooks", { id_token_hint: false }, "id-token")).toBe(url);
});

test("a sign-out says more only where the administrator configured it", () => {
  const settings = { id_token_hint: true, post_logout_redirect_uri: "https://jupyter.example.com/" };
  const url = new URL(endSessionUrl(METADATA, "notebooks", settings, "id-token") ?? "");
  expect(Object.fromEntries(url.searchParams)).toEqual({
    ui: "1",
    client_id: "notebooks",
    id_token_hint: "id-token",
    post_logout_redirect_uri: "https://jupyter.example.com/",
  });
});

test("a provider without such a page has no address", () => {
  expect(endSessionUrl({ issuer: METADATA.issuer }, "notebooks")).toBeUndefined();
});
