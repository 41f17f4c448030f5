import type { Clock } from "../clock.js";
import type { Delivery, DeliveryResult, FromVault, Place, Port } from "../messages.js";

/** Seconds that a page has for the control channel, before the widget's own comm is used as well. */
const CONTROL_CHANNEL_TIMEOUT = 2;
/**
 * And for a second try with a kernel that has answered before. It is stopped or dead, and may be started anew; a comm's
 * message that waits for it then reaches the new one from a line that Jupyter has closed, and as long as that stands the
 * kernel takes the page's own shell channel, which has the same name, for a double: no cell would run until a reload.
 */
const SECOND_TIMEOUT = 8;
/** And for a page that has to connect to a kernel first, and for whom no comm can stand in. */
const VISIT_TIMEOUT = 15;

/** What came of a message. */
export interface Outcome {
  /** `not_mine`: no page knows the kernel, or the kernel does not know the link. */
  result: DeliveryResult;
  /** Where a person finds the widget. */
  place?: Place;
  /** The kernel has signed out of the session meanwhile. */
  signed_out?: boolean;
}

/** Whose a link is, and by which lanes it is reached. */
export interface Recipient {
  /** The only kernel that may have the message; `undefined`: the page could not tell, so the comm is the only lane. */
  kernelId?: string;
  /** The pages that show the widget in that kernel. */
  comms: Set<Port<FromVault>>;
  /** It has had a message before: it runs on, also where no page has its notebook open any more. */
  reached: boolean;
}

/**
 * Brings messages to kernels: over the control channel by a page that is connected to the link's own kernel, else over
 * the widget's own comm. A message may arrive twice; its sequence number tells the kernel.
 */
export interface Deliveries {
  readonly ports: Set<Port<FromVault>>;
  send(message: Delivery, recipient: Recipient): Promise<Outcome>;
  answered(port: Port<FromVault>, delivery: number, outcome: Outcome): void;
  /** A page is gone, and whatever it was asked for. */
  leave(port: Port<FromVault>): void;
}

export function createDeliveries(clock: Clock): Deliveries {
  const ports = new Set<Port<FromVault>>();
  const waiting = new Map<number, { asked: Set<Port<FromVault>>; settle: (outcome: Outcome) => void }>();
  /** Kernels whose control channel did not bring the last message. */
  const doubted = new Set<string>();
  let count = 0;

  function ask(
    message: Delivery,
    whom: Port<FromVault>[],
    kernelId: string,
    { timeout, visit = false }: { timeout: number; visit?: boolean },
  ): Promise<Outcome> {
    count += 1;
    const delivery = count;
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clock.clearTimeout(timer);
        waiting.delete(delivery);
        resolve(outcome);
      };
      const timer = clock.setTimeout(() => settle({ result: "failed" }), timeout);
      waiting.set(delivery, { asked: new Set(whom), settle });
      for (const port of whom) port.postMessage({ type: "deliver", delivery, message, kernel_id: kernelId, visit });
    });
  }

  function answered(port: Port<FromVault>, delivery: number, outcome: Outcome): void {
    const { asked, settle } = waiting.get(delivery) ?? {};
    if (asked?.delete(port) && (outcome.result === "delivered" || asked.size === 0)) settle?.(outcome);
  }

  /** Asks whoever is connected to the kernel; where it has answered before, once more, or somebody who connects to it. */
  async function askTheConnected(message: Delivery, kernelId: string, reached: boolean): Promise<Outcome> {
    const asked = [...ports];
    let outcome = await ask(message, asked, kernelId, { timeout: CONTROL_CHANNEL_TIMEOUT });
    if (!reached) return outcome;
    // None that came since: what was meant for the first ones is old by now.
    const still = asked.filter((port) => ports.has(port));
    if (outcome.result === "failed" && still.length > 0) {
      outcome = await ask(message, still, kernelId, { timeout: SECOND_TIMEOUT });
    }
    const [first] = ports;
    if (outcome.result === "not_mine" && first) {
      outcome = await ask(message, [first], kernelId, { timeout: VISIT_TIMEOUT, visit: true });
    }
    return outcome;
  }

  return {
    ports,
    answered,
    async send(message, { kernelId, comms, reached }) {
      const sendByComm = () => {
        for (const port of comms) port.postMessage({ type: "deliver", delivery: 0, message });
      };
      if (kernelId === undefined || ports.size === 0) {
        sendByComm();
        return { result: "failed" }; // nobody could be asked, so nothing is known of the kernel: it may well run on
      }
      // Both at once: else each token would lose those seconds, and a short-lived one its life.
      const both = doubted.has(kernelId);
      if (both) sendByComm();
      const outcome = await askTheConnected(message, kernelId, reached);
      if (outcome.result === "failed") doubted.add(kernelId);
      else doubted.delete(kernelId);
      if (outcome.result !== "delivered" && !both) sendByComm();
      return outcome;
    },
    leave(port) {
      ports.delete(port);
      for (const delivery of waiting.keys()) answered(port, delivery, { result: "not_mine" });
    },
  };
}
