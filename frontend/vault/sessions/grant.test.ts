import { expect, test } from "vitest";
import { loginRequest } from "../../testing/provider.js";
import { createGrant, slotOf } from "./grant.js";

test("a kernel may ask for any number of APIs; places that came to nothing are given up", () => {
  const grant = createGrant(loginRequest(), "refresh-1");
  for (let count = 0; count < 500; count += 1)
    slotOf(grant, { scopes: [], resource: `https://api.example.com/${count}` });
  expect(grant.slots.size).toBeLessThanOrEqual(50);
  expect([...grant.slots.values()].filter(({ own }) => own)).toHaveLength(1);
});

test("a place whose token is in use stays", () => {
  const grant = createGrant(loginRequest(), "refresh-1");
  const used = slotOf(grant, { scopes: [], resource: "https://used.example.com" });
  used.token = { value: "access-1", expires: 300, serial: 1 };
  for (let count = 0; count < 500; count += 1)
    slotOf(grant, { scopes: [], resource: `https://api.example.com/${count}` });
  expect(slotOf(grant, { scopes: [], resource: "https://used.example.com" })).toBe(used);
});
