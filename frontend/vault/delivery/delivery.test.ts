import { describe, expect, test } from "vitest";
import { settled, TestClock } from "../../testing/clock.js";
import type { Delivery, DeliveryResult, FromVault, Port } from "../messages.js";
import { createDeliveries } from "./delivery.js";

const MESSAGE: Delivery = { link_id: "link-1", event: "token", payload: { seq: 1, vault: "v" } };

function setUp() {
  const clock = new TestClock();
  const deliveries = createDeliveries(clock);
  /** A page that answers so; `undefined`: never. */
  function page(result?: DeliveryResult, path = "a.ipynb") {
    const received: Extract<FromVault, { type: "deliver" }>[] = [];
    const port: Port<FromVault> = {
      postMessage(message) {
        if (message.type !== "deliver") return;
        received.push(message);
        const place = { path, name: path };
        if (result && message.delivery > 0) deliveries.answered(port, message.delivery, { result, place });
      },
    };
    return { port, received };
  }
  /** One that reaches kernels over their control channel. */
  function channel(result?: DeliveryResult, path?: string) {
    const made = page(result, path);
    deliveries.ports.add(made.port);
    return made;
  }
  const send = (comms: Port<FromVault>[], others: { kernelId?: string; reached?: boolean } = {}) =>
    deliveries.send(MESSAGE, { kernelId: "kernel-1", comms: new Set(comms), reached: false, ...others });
  return { clock, deliveries, page, channel, send };
}

describe("a message for a kernel", () => {
  test("that came by its control channel does not go by comm too", async () => {
    const { page, channel, send } = setUp();
    const [own] = [page(), channel("not_mine"), channel("delivered", "b.ipynb")];
    expect(await send([own.port])).toMatchObject({ result: "delivered", place: { path: "b.ipynb" } });
    expect(own.received).toEqual([]);
  });

  test("is for the kernel that made the link, and says so to everybody who is to bring it", async () => {
    const { channel, send } = setUp();
    const channels = [channel("not_mine"), channel("not_mine")];
    await send([], { kernelId: "kernel-7", reached: true });
    for (const { received } of channels)
      expect(new Set(received.map(({ kernel_id }) => kernel_id))).toEqual(new Set(["kernel-7"]));
  });

  test("of which the page could not tell goes by the widget's own comm, and nowhere else", async () => {
    const { page, channel, send } = setUp();
    const [own, other] = [page(), channel("delivered")];
    await send([own.port], { kernelId: undefined, reached: true });
    expect(own.received).toHaveLength(1);
    expect(other.received).toEqual([]);
  });

  test("goes by comm at once where no page reaches kernels otherwise", async () => {
    const { clock, page, send } = setUp();
    const [own, other] = [page(), page()];
    await send([own.port, other.port]);
    for (const { received } of [own, other]) expect(received).toMatchObject([{ delivery: 0, message: MESSAGE }]);
    expect(clock.pending).toBe(0);
  });

  test.each<DeliveryResult>(["failed", "not_mine"])("goes by comm at once when everybody says %s", async (result) => {
    const { clock, page, channel, send } = setUp();
    const own = page();
    channel(result);
    channel("not_mine");
    await send([own.port]);
    expect(own.received).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("goes both ways at once after one that the control channel did not bring, until it brings one again", async () => {
    const { page, channel, send, deliveries } = setUp();
    const own = page();
    const dead = channel("failed");
    await send([own.port]);
    expect(own.received).toHaveLength(1);
    deliveries.leave(dead.port);
    const silent = channel();
    const sent = send([own.port]);
    expect(own.received).toHaveLength(2); // before any answer
    deliveries.answered(silent.port, silent.received[0].delivery, { result: "delivered" });
    await sent;
    deliveries.leave(silent.port);
    channel("delivered");
    await send([own.port]);
    expect(own.received).toHaveLength(2);
  });

  test("waits two seconds for an answer that never comes, and then goes by comm", async () => {
    const { clock, deliveries, page, channel, send } = setUp();
    const own = page();
    const [silent] = [channel(), channel("not_mine")];
    const sent = send([own.port]);
    await clock.advance(1.9);
    expect(own.received).toEqual([]);
    await clock.advance(0.2);
    expect(own.received).toHaveLength(1);
    expect(await sent).toEqual({ result: "failed" });
    deliveries.answered(silent.port, silent.received[0].delivery, { result: "delivered" }); // too late: the kernel tells by its seq
    await settled();
    expect(own.received).toHaveLength(1);
  });

  test("is tried a second time, for longer, with a kernel that has answered before, which may be dead", async () => {
    const { clock, page, channel, send } = setUp();
    const own = page();
    const silent = channel();
    const sent = send([own.port], { reached: true });
    await clock.advance(9.9);
    expect(own.received).toEqual([]);
    expect(silent.received).toHaveLength(2);
    await clock.advance(0.2);
    expect(await sent).toEqual({ result: "failed" });
    expect(own.received).toHaveLength(1);
  });

  test("is brought by the second try where the line was cut in the first", async () => {
    const { clock, deliveries, page, channel, send } = setUp();
    const own = page();
    const cut = channel();
    const sent = send([own.port], { reached: true });
    await clock.advance(2.1);
    deliveries.answered(cut.port, cut.received[1].delivery, { result: "delivered" });
    expect(await sent).toEqual({ result: "delivered" });
    expect(own.received).toEqual([]);
  });

  test("is not tried again with a page that came since", async () => {
    const { clock, channel, send } = setUp();
    channel();
    const sent = send([], { reached: true });
    const later = channel("delivered");
    await clock.advance(11);
    expect(await sent).toEqual({ result: "failed" });
    expect(later.received).toEqual([]);
  });

  test("does not wait for a page that is gone", async () => {
    const { clock, deliveries, page, channel, send } = setUp();
    const own = page();
    const silent = channel();
    const sent = send([own.port]);
    deliveries.leave(silent.port);
    expect(await sent).toEqual({ result: "not_mine" });
    expect(own.received).toHaveLength(1);
    expect(clock.elapsed()).toBe(0);
  });

  test("takes no answer from a page that was not asked, nor the same one twice", async () => {
    const { deliveries, page, channel, send } = setUp();
    const [own, stranger] = [page(), page()];
    const [first, second] = [channel(), channel()];
    const sent = send([own.port]);
    const [{ delivery }] = first.received;
    deliveries.answered(stranger.port, delivery, { result: "delivered" });
    deliveries.answered(first.port, delivery, { result: "not_mine" });
    deliveries.answered(first.port, delivery, { result: "delivered" });
    deliveries.answered(second.port, delivery, { result: "delivered", signed_out: true });
    expect(await sent).toMatchObject({ result: "delivered", signed_out: true });
  });

  test("is brought to a kernel that runs on without a page by one page, not by all", async () => {
    const { channel, send } = setUp();
    const [first, second] = [channel("not_mine"), channel("not_mine")];
    await send([], { reached: true });
    expect(first.received.map(({ visit }) => visit)).toEqual([false, true]);
    expect(second.received.map(({ visit }) => visit)).toEqual([false]);
  });

  test("that nobody took is told to be nobody's; where nobody was there to ask, that says nothing", async () => {
    const { channel, send } = setUp();
    expect(await send([])).toMatchObject({ result: "failed" });
    channel("not_mine");
    expect(await send([])).toMatchObject({ result: "not_mine" });
  });
});
