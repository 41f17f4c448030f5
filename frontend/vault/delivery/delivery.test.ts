import { describe, expect, test } from "vitest";
import { settled, TestClock } from "../../testing/clock.js";
import type { Delivery, DeliveryResult, FromVault, Port } from "../messages.js";
import { createPostOffice } from "./delivery.js";

const MESSAGE: Delivery = { link_id: "link-1", event: "token", payload: { seq: 1, vault: "v" } };

function setUp() {
  const clock = new TestClock();
  const office = createPostOffice(clock);
  /** A page whose courier answers so; `undefined`: never. */
  function page(result?: DeliveryResult, kernel_id = "kernel-1") {
    const received: Extract<FromVault, { type: "deliver" }>[] = [];
    const port: Port<FromVault> = {
      postMessage(message) {
        if (message.type !== "deliver") return;
        received.push(message);
        if (result && message.delivery > 0) office.answered(port, message.delivery, { result, kernel_id });
      },
    };
    return { port, received };
  }
  function courier(result?: DeliveryResult, kernelId?: string) {
    const made = page(result, kernelId);
    office.couriers.add(made.port);
    return made;
  }
  return { clock, office, page, courier };
}

describe("a message for a kernel", () => {
  test("that a courier has delivered does not go by comm too", async () => {
    const { office, page, courier } = setUp();
    const [own] = [page(), courier("not_mine"), courier("delivered", "kernel-7")];
    expect(await office.send(MESSAGE, new Set([own.port]))).toEqual({ result: "delivered", kernel_id: "kernel-7" });
    expect(own.received).toEqual([]);
  });

  test("goes by comm at once where there is no courier", async () => {
    const { clock, office, page } = setUp();
    const [own, other] = [page(), page()];
    await office.send(MESSAGE, new Set([own.port, other.port]));
    for (const { received } of [own, other]) expect(received).toMatchObject([{ delivery: 0, message: MESSAGE }]);
    expect(clock.pending).toBe(0);
  });

  test.each<DeliveryResult>(["failed", "not_mine"])(
    "goes by comm at once when every courier says %s",
    async (result) => {
      const { clock, office, page, courier } = setUp();
      const own = page();
      courier(result);
      courier("not_mine");
      await office.send(MESSAGE, new Set([own.port]));
      expect(own.received).toHaveLength(1);
      expect(clock.pending).toBe(0);
    },
  );

  test("waits two seconds for a courier that never answers, and then goes by comm", async () => {
    const { clock, office, page, courier } = setUp();
    const own = page();
    const [silent] = [courier(), courier("not_mine")];
    const sent = office.send(MESSAGE, new Set([own.port]));
    await clock.advance(1.9);
    expect(own.received).toEqual([]);
    await clock.advance(0.2);
    expect(own.received).toHaveLength(1);
    expect(await sent).toEqual({ result: "failed" });
    office.answered(silent.port, silent.received[0].delivery, { result: "delivered" }); // too late: the kernel tells by its seq
    await settled();
    expect(own.received).toHaveLength(1);
  });

  test("does not wait for a courier whose page is gone", async () => {
    const { clock, office, page, courier } = setUp();
    const own = page();
    const silent = courier();
    const sent = office.send(MESSAGE, new Set([own.port]));
    office.leave(silent.port);
    expect(await sent).toEqual({ result: "not_mine" });
    expect(own.received).toHaveLength(1);
    expect(clock.elapsed()).toBe(0);
  });

  test("takes no answer from a page that was not asked, nor the same one twice", async () => {
    const { office, page, courier } = setUp();
    const [own, stranger] = [page(), page()];
    const [first, second] = [courier(), courier()];
    const sent = office.send(MESSAGE, new Set([own.port]));
    const [{ delivery }] = first.received;
    office.answered(stranger.port, delivery, { result: "delivered", kernel_id: "evil" });
    office.answered(first.port, delivery, { result: "not_mine" });
    office.answered(first.port, delivery, { result: "delivered", kernel_id: "late" });
    office.answered(second.port, delivery, { result: "delivered", kernel_id: "kernel-2" });
    expect(await sent).toEqual({ result: "delivered", kernel_id: "kernel-2" });
  });

  test("is brought to a kernel that runs on without a page by one courier, not by all", async () => {
    const { office, courier } = setUp();
    const [first, second] = [courier("not_mine"), courier("not_mine")];
    await office.send(MESSAGE, new Set(), "kernel-9");
    expect(first.received.map(({ kernel_id }) => kernel_id)).toEqual([undefined, "kernel-9"]);
    expect(second.received.map(({ kernel_id }) => kernel_id)).toEqual([undefined]);
  });

  test("that nobody took is told to be nobody's", async () => {
    const { office, courier } = setUp();
    expect(await office.send(MESSAGE, new Set())).toMatchObject({ result: "not_mine" });
    courier("not_mine");
    expect(await office.send(MESSAGE, new Set())).toMatchObject({ result: "not_mine" });
  });
});
