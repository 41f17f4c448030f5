import { expect, test } from "vitest";
import { loginRequest } from "../testing/provider.js";
import { withoutReplaced } from "./keeper.js";
import type { SavedSession } from "./sealed-store.js";

function saved(subject: string, changes = {}): SavedSession {
  return { subject, account: subject, since: 0, grants: [{ request: loginRequest(changes), refreshToken: "r" }] };
}

test("a session that waits for its provider gives way to a new one of the same account, and to no other", () => {
  const waiting = [saved("alice"), saved("bob"), saved("alice", { client_id: "other" })];
  const current = [saved("alice", { authority: "https://idp.example.com/", scopes: ["openid"] })];
  expect(withoutReplaced(waiting, current)).toEqual(waiting.slice(1));
  expect(withoutReplaced(waiting, [])).toEqual(waiting);
});
