import type { Clock } from "./clock.js";
import type { Delivery, DeliveryResult, FromVault, Port } from "./messages.js";

/** Seconds that a courier has, before the widget's own comm is used as well. */
const COURIER_TIMEOUT = 2;

interface Waiting {
  asked: Set<Port<FromVault>>;
  settle: (result: DeliveryResult, kernelId?: string) => void;
}

/**
 * Brings messages to kernels: over the control channel by a courier, else over the widget's own comm.
 * A message may arrive twice; its sequence number tells the kernel.
 */
export class PostOffice {
  readonly couriers = new Set<Port<FromVault>>();
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns whether a kernel has answered, or a page has taken it for its comm; and which kernel, if it is known */
  async send(
    message: Delivery,
    own: Set<Port<FromVault>>,
    kernelId?: string,
  ): Promise<{ delivered: boolean; kernelId?: string }> {
    if (this.couriers.size > 0) {
      let { result, kernel } = await this.#ask(message, [...this.couriers]);
      if (result === "not_mine" && kernelId && own.size === 0) {
        // No page shows the notebook any more, but its kernel runs on: one courier calls on it.
        const [first] = this.couriers;
        ({ result, kernel } = await this.#ask(message, [first], kernelId));
      }
      if (result === "delivered") return { delivered: true, kernelId: kernel };
    }
    for (const port of own) port.postMessage({ type: "deliver", delivery: 0, message });
    return { delivered: own.size > 0 };
  }

  answered(port: Port<FromVault>, delivery: number, result: DeliveryResult, kernelId?: string): void {
    const waiting = this.#waiting.get(delivery);
    if (!waiting?.asked.delete(port)) return;
    if (result === "delivered") waiting.settle(result, kernelId);
    else if (waiting.asked.size === 0) waiting.settle(result);
  }

  leave(port: Port<FromVault>): void {
    this.couriers.delete(port);
    for (const delivery of this.#waiting.keys()) this.answered(port, delivery, "not_mine");
  }

  #ask(message: Delivery, ports: Port<FromVault>[], kernelId?: string) {
    this.#count += 1;
    const delivery = this.#count;
    return new Promise<{ result: DeliveryResult; kernel?: string }>((resolve) => {
      const settle = (result: DeliveryResult, kernel?: string) => {
        this.#clock.clearTimeout(timer);
        this.#waiting.delete(delivery);
        resolve({ result, kernel });
      };
      const timer = this.#clock.setTimeout(() => settle("failed"), COURIER_TIMEOUT);
      this.#waiting.set(delivery, { asked: new Set(ports), settle });
      for (const port of ports) {
        port.postMessage({ type: "deliver", delivery, message, kernel_id: kernelId });
      }
    });
  }
}
