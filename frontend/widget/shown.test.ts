// @vitest-environment jsdom
import { expect, test } from "vitest";
import { KernelLogin } from "../client/sign-in/kernel-login.js";
import { Shown } from "./shown.js";

const login = (host: string) => new KernelLogin(() => {}, { host });
const buttons = (place: HTMLElement) => [...place.querySelectorAll("button")].map(({ textContent }) => textContent);

test("every place shows who signs in, as soon as that is known, and whoever does so instead", () => {
  const shown = new Shown();
  const places = [document.createElement("div"), document.createElement("div")];
  for (const place of places) shown.show(place);
  expect(places.map(buttons)).toEqual([[], []]);
  shown.login = login("idp.example.com");
  expect(places.map(buttons)).toEqual([["Sign in at idp.example.com"], ["Sign in at idp.example.com"]]);
  shown.login = login("other.example.com");
  shown.hide(places[0]);
  expect(places.map(buttons)).toEqual([[], ["Sign in at other.example.com"]]);
});
