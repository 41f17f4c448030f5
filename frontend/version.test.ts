import { expect, test } from "vitest";
import { version } from "../package.json";
import { VERSION } from "./version.js";

test("the version that names the vault is the package's, so that an upgrade never talks to an old one", () => {
  expect(VERSION).toBe(version.replace("-rc.", "rc"));
});
