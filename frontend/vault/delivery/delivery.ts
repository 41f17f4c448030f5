import type { Clock } from "../clock.js";
import type { Delivery, DeliveryResult, FromVault, Place, Port } from "../messages.js";

/** Seconds that a courier has, before the widget's own comm is used as well. */
const COURIER_TIMEOUT = 2;
/** The same for one that has to connect to a kernel first, and whom no comm can stand in for. */
const VISIT_TIMEOUT = 15;

/** What came of a message that couriers were asked to bring. */
export interface Outcome {
  /** `not_mine`: no page knows a kernel that wants it. */
  result: DeliveryResult;
  /** Which kernel has answered. */
  kernel_id?: string;
  /** Where a person finds the widget. */
  place?: Place;
}

/**
 * Brings messages to kernels: over the control channel by a courier, else over the widget's own comm.
 * A message may arrive twice; its sequence number tells the kernel.
 */
export interface PostOffice {
  readonly couriers: Set<Port<FromVault>>;
  /**
   * @param own the pages that show the widget, whose comm is the other lane
   * @param kernelId the kernel that has answered before
   */
  send(message: Delivery, own: Set<Port<FromVault>>, kernelId?: string): Promise<Outcome>;
  answered(port: Port<FromVault>, delivery: number, outcome: Outcome): void;
  /** A page is gone, and whatever it was asked for. */
  leave(port: Port<FromVault>): void;
}

export function createPostOffice(clock: Clock): PostOffice {
  const couriers = new Set<Port<FromVault>>();
  const waiting = new Map<number, { asked: Set<Port<FromVault>>; settle: (outcome: Outcome) => void }>();
  let count = 0;

  function ask(message: Delivery, ports: Port<FromVault>[], kernelId?: string): Promise<Outcome> {
    count += 1;
    const delivery = count;
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clock.clearTimeout(timer);
        waiting.delete(delivery);
        resolve(outcome);
      };
      const timer = clock.setTimeout(() => settle({ result: "failed" }), kernelId ? VISIT_TIMEOUT : COURIER_TIMEOUT);
      waiting.set(delivery, { asked: new Set(ports), settle });
      for (const port of ports) port.postMessage({ type: "deliver", delivery, message, kernel_id: kernelId });
    });
  }

  function answered(port: Port<FromVault>, delivery: number, outcome: Outcome): void {
    const { asked, settle } = waiting.get(delivery) ?? {};
    if (asked?.delete(port) && (outcome.result === "delivered" || asked.size === 0)) settle?.(outcome);
  }

  return {
    couriers,
    answered,
    async send(message, own, kernelId) {
      let outcome: Outcome = { result: "not_mine" };
      if (couriers.size > 0) outcome = await ask(message, [...couriers]);
      const [first] = couriers;
      if (outcome.result === "not_mine" && kernelId && first) {
        // No page has the notebook open any more, but its kernel runs on: one courier calls on it.
        outcome = await ask(message, [first], kernelId);
      }
      if (outcome.result !== "delivered") {
        for (const port of own) port.postMessage({ type: "deliver", delivery: 0, message });
      }
      return outcome;
    },
    leave(port) {
      couriers.delete(port);
      for (const delivery of waiting.keys()) answered(port, delivery, { result: "not_mine" });
    },
  };
}
