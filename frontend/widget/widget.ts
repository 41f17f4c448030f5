import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { findLabextension } from "../client/connecting.js";
import { jupyterHost } from "../client/host.js";
import { readMessage, readState, type WidgetState } from "./entrance.js";
import { Shown } from "./shown.js";
import { whoSignsIn } from "./who-signs-in.js";

/** By kernel and link: a copied notebook has the same links, and another kernel. */
const widgets = new Map<string, Shown>();

/** JupyterLab's connection to a kernel; other hosts may have less. */
interface Connection {
  id?: string;
  disposed?: Partial<Signal<undefined>>;
  statusChanged?: Partial<Signal<string>>;
}

/** Lumino's. */
interface Signal<Args> {
  connect(slot: (sender: unknown, args: Args) => void): unknown;
  disconnect(slot: (sender: unknown, args: Args) => void): unknown;
}

/** As the widget manager knows it; a kernel has no say in that. `undefined`: this host does not tell. */
function connectionOf({ widget_manager }: AnyModel): Connection | undefined {
  return (widget_manager as { kernel?: Connection | null } | undefined)?.kernel ?? undefined;
}

/** The synced status that a page has heard of last. */
const HEARD = "_heard";

const stateOf = (model: AnyModel) => readState((name) => model.get(name));
const keyOf = (model: AnyModel, { id }: WidgetState) => `${connectionOf(model)?.id} ${id}`;

/** Runs once per model in every page, also for outputs that are not on screen. It waits for nothing. */
const initialize: Initialize = ({ model }) => {
  const state = stateOf(model);
  if (!state) return;
  const key = keyOf(model, state);
  const connection = connectionOf(model);
  const labextension = findLabextension();
  const shown = new Shown(labextension?.translate);
  widgets.set(key, shown);
  const signsIn = whoSignsIn(state, {
    kernelId: connection?.id ?? null,
    tell: (event, payload) => model.send({ link_id: state.id, event, payload }),
    deliver: labextension?.deliver,
    show: (login) => {
      shown.login = login;
    },
  });
  const receive = (data: unknown) => {
    const message = readMessage(data);
    if (!message) return;
    // marimo runs cells again only for what a page has changed.
    if (message.kind === "state" && !jupyterHost() && model.get(HEARD) !== message.status) {
      model.set(HEARD, message.status);
      model.save_changes();
    }
    signsIn.follow(message);
  };
  model.on("msg:custom", receive);
  const end = (gone = false) => {
    connection?.disposed?.disconnect?.(onClosed);
    connection?.statusChanged?.disconnect?.(onStatus);
    model.off("msg:custom", receive);
    if (widgets.get(key) === shown) widgets.delete(key);
    signsIn.dispose(gone);
  };
  // JupyterLab's widget manager ends no models, neither with their notebook nor when their kernel is started anew.
  const onClosed = () => end();
  const onStatus = (_: unknown, status: string) => {
    if (status === "restarting" || status === "autorestarting") end(true);
  };
  connection?.disposed?.connect?.(onClosed);
  connection?.statusChanged?.connect?.(onStatus);
  return onClosed;
};

const render: Render = ({ model, el }) => {
  const state = stateOf(model);
  const shown = state && widgets.get(keyOf(model, state));
  if (!shown) return;
  shown.show(el);
  return () => shown.hide(el);
};

export default { initialize, render };
