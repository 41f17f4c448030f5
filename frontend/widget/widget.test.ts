// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { whoSignsIn } from "./who-signs-in.js";
import widget from "./widget.js";

vi.mock("./who-signs-in.js", () => ({ whoSignsIn: vi.fn(() => ({ follow() {}, dispose })) }));
const dispose = vi.fn();

beforeEach(() => {
  dispose.mockClear();
});

/** Lumino's, as far as the widget needs it. */
class Signal<Args> {
  readonly slots = new Set<(sender: unknown, args: Args) => void>();
  connect = (slot: (sender: unknown, args: Args) => void) => this.slots.add(slot);
  disconnect = (slot: (sender: unknown, args: Args) => void) => this.slots.delete(slot);
  emit(args: Args) {
    for (const slot of [...this.slots]) slot(undefined, args);
  }
}

function connection() {
  return { id: "kernel-1", disposed: new Signal<undefined>(), statusChanged: new Signal<string>() };
}

/** Makes a widget of a kernel, and returns what anywidget calls at its end. */
function initialize(kernel?: object) {
  const state = { _link_id: "one", _request: { scopes: [] }, _options: {} } as Record<string, unknown>;
  const model = { get: (name: string) => state[name], on() {}, off() {}, widget_manager: { kernel } };
  return widget.initialize({ model } as never) as () => void;
}

test("a widget goes with its notebook, which leaves its kernel running", () => {
  const kernel = connection();
  initialize(kernel);
  kernel.statusChanged.emit("busy");
  expect(dispose).not.toHaveBeenCalled();
  kernel.disposed.emit(undefined);
  expect(dispose.mock.calls).toEqual([[false]]);
  expect(kernel.disposed.slots.size + kernel.statusChanged.slots.size).toBe(0);
});

test.each(["restarting", "autorestarting"])("a kernel that is %s has no widgets any more", (status) => {
  const kernel = connection();
  initialize(kernel);
  kernel.statusChanged.emit(status);
  expect(dispose.mock.calls).toEqual([[true]]);
  expect(kernel.disposed.slots.size + kernel.statusChanged.slots.size).toBe(0);
});

test.each([undefined, {}, { id: "k", disposed: false, statusChanged: {} }])("a host may tell less: %j", (kernel) => {
  const end = initialize(kernel);
  expect(whoSignsIn).toHaveBeenLastCalledWith(
    expect.anything(),
    expect.objectContaining({ kernelId: (kernel as { id?: string } | undefined)?.id ?? null }),
  );
  end();
  expect(dispose.mock.calls).toEqual([[false]]);
});
