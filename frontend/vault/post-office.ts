import type { Clock } from "./clock.js";
import type { Delivery, DeliveryResult, FromVault, Port } from "./messages.js";

/** Seconds that a courier has, before the widget's own comm is used as well. */
const COURIER_TIMEOUT = 2;
/** The same for one that has to connect to a kernel first, and whom no comm can stand in for. */
const VISIT_TIMEOUT = 15;

export interface Outcome {
  /** A kernel has answered, or a page has taken it for its comm. */
  delivered: boolean;
  /** Which kernel has answered. */
  kernelId?: string;
  /** There is no such kernel, nor a page that shows the widget. */
  gone?: boolean;
}

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

  async send(message: Delivery, own: Set<Port<FromVault>>, kernelId?: string): Promise<Outcome> {
    let result: DeliveryResult = "not_mine";
    let kernel: string | undefined;
    if (this.couriers.size > 0) {
      ({ result, kernel } = await this.#ask(message, [...this.couriers]));
      if (result === "not_mine" && kernelId) {
        // No page has the notebook open any more, but its kernel runs on: one courier calls on it.
        const [first] = this.couriers;
        ({ result, kernel } = await this.#ask(message, [first], kernelId));
      }
      if (result === "delivered") return { delivered: true, kernelId: kernel };
    }
    for (const port of own) port.postMessage({ type: "deliver", delivery: 0, message });
    if (own.size > 0) return { delivered: true };
    return { delivered: false, gone: result === "not_mine" };
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
      const patience = kernelId ? VISIT_TIMEOUT : COURIER_TIMEOUT;
      const timer = this.#clock.setTimeout(() => settle("failed"), patience);
      this.#waiting.set(delivery, { asked: new Set(ports), settle });
      for (const port of ports) {
        port.postMessage({ type: "deliver", delivery, message, kernel_id: kernelId });
      }
    });
  }
}
