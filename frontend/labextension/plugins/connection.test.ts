// @vitest-environment jsdom
import type { JupyterFrontEnd } from "@jupyterlab/application";
import { expect, test, vi } from "vitest";
import { findLabextension } from "../../client/connecting.js";
import type { ISignIns, Lines } from "../tokens.js";
import { connection } from "./connection.js";

const order: string[] = [];

/** Says that there is a vault already, as it does as soon as a page asks. */
const sign = vi.hoisted(() => ({ found: () => {} }));
vi.mock("../../vault/life-signs.js", () => ({
  onLifeSign: (_: string, found: () => void) => {
    sign.found = found;
  },
}));
vi.mock("../lines.js", () => ({
  makeLines: () => ({ delivery: { connect: async () => order.push("connected") } }) as unknown as Lines,
}));

test("however early a life sign or a widget comes, this page connects when all that hangs on the line is there", async () => {
  document.body.innerHTML = `<script id="jupyter-config-data" type="application/json">
    {"baseUrl": "/", "fullLabextensionsUrl": "/lab/extensions"}</script>`;
  let start = () => {};
  const app = { started: new Promise<void>((resolve) => (start = resolve)) } as unknown as JupyterFrontEnd;
  const signIns = (await connection.activate(app, null)) as ISignIns;
  sign.found();
  const delivers = findLabextension()?.deliver();
  // JupyterLab activates a plugin when all that it requires is there, which takes as long as it takes.
  await vi.dynamicImportSettled();
  signIns.onLines(async () => void order.push("prepared"));
  start();
  await delivers;
  expect(order).toEqual(["prepared", "connected", "connected"]);
});
