import { expect } from "vitest";
import type { LoginRequest } from "../oauth/request.js";
import type {
  Delivery,
  DeliveryResult,
  FromVault,
  LinkOptions,
  LinkState,
  Place,
  Port,
  ToVault,
} from "../vault/messages.js";
import type { Vault } from "../vault/vault.js";
import { settled, until } from "./clock.js";
import { type Account, ALICE, loginRequest, type TestProvider } from "./provider.js";

let count = 0;

/** A page at the other end of the vault's port, with a person in front of it. */
export class TestPage implements Port<FromVault> {
  readonly id: string;
  readonly received: FromVault[] = [];
  /** What its courier answers; `undefined`: nothing, ever. */
  result?: DeliveryResult;
  kernelId = "kernel-1";
  /** Where its courier finds the widgets. */
  place?: Place;
  readonly #vault: Vault;
  readonly #idp: TestProvider;

  constructor(vault: Vault, idp: TestProvider, { courier = false } = {}) {
    count += 1;
    this.id = `page-${count}`;
    this.#vault = vault;
    this.#idp = idp;
    this.say({ type: "hello", page_id: this.id, courier });
  }

  say(message: ToVault): void {
    this.#vault.receive(this, structuredClone(message));
  }

  postMessage(message: FromVault): void {
    this.received.push(structuredClone(message)); // what can't be cloned can't be sent
    if (message.type !== "deliver" || message.delivery === 0 || !this.result) return;
    this.say({
      type: "result",
      delivery: message.delivery,
      result: this.result,
      kernel_id: this.kernelId,
      place: this.place,
    });
  }

  link(link_id: string, changes: Partial<LoginRequest> = {}, options: Partial<LinkOptions> = {}): void {
    const request = loginRequest(changes);
    this.say({ type: "link", link_id, request, options: { auto_refresh: true, share_id_token: false, ...options } });
  }

  all<Type extends FromVault["type"]>(type: Type): Extract<FromVault, { type: Type }>[] {
    return this.received.filter((message): message is Extract<FromVault, { type: Type }> => message.type === type);
  }

  state(link_id: string): LinkState | undefined {
    return this.all("state").findLast((message) => message.link_id === link_id)?.state;
  }

  prepared(link_id: string) {
    return this.all("prepared").findLast((message) => message.link_id === link_id)?.prepared;
  }

  /** What came for a kernel by the widget's own comm, or by the courier. */
  delivered(link_id: string, event?: Delivery["event"]): Delivery["payload"][] {
    return this.all("deliver")
      .map(({ message }) => message)
      .filter((message) => message.link_id === link_id && (!event || message.event === event))
      .map(({ payload }) => payload);
  }

  /** A click on the button, as far as the window that opens. */
  async open(link_id: string): Promise<string> {
    const { id, url } = await until(() => this.prepared(link_id));
    this.say({ type: "begin", link_id, prepared_id: id });
    await until(() => this.state(link_id)?.status === "signing_in");
    return url;
  }

  /** What the callback page does, until the vault has it. */
  async callBack(url: string, search: string): Promise<void> {
    const channel = new BroadcastChannel(`oidc-widget:${new URL(url).searchParams.get("state")}`);
    try {
      const taken = new Promise((resolve) => {
        channel.onmessage = resolve;
      });
      channel.postMessage({ search });
      await taken;
    } finally {
      channel.close();
    }
    await settled();
  }

  /** The whole sign-in. */
  async signIn(link_id: string, account: Account = ALICE): Promise<void> {
    const url = await this.open(link_id);
    await this.callBack(url, this.#idp.authorize(url, account));
    await until(() => this.state(link_id)?.status !== "signing_in");
    expect(this.state(link_id)).toMatchObject({ status: "signed_in", account: account.name });
  }
}
