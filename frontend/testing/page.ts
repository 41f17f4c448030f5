import { expect } from "vitest";
import type {
  Delivery,
  DeliveryResult,
  FromVault,
  LinkOptions,
  LinkState,
  Place,
  Port,
  Role,
  ToVault,
  Wanted,
} from "../vault/messages.js";
import type { Vault } from "../vault/vault.js";
import { settled, until } from "./clock.js";
import { type Account, ALICE, type TestProvider } from "./provider.js";

let count = 0;

/** What a notebook's `OIDCLogin` asks for. */
export function wanted(changes: Partial<Wanted> = {}): Wanted {
  return {
    authority: "https://idp.example.com",
    client_id: "notebooks",
    provider: null,
    scopes: ["openid", "profile"],
    resource: null,
    audience: null,
    extra_params: {},
    redirect_uri: null,
    ...changes,
  };
}

/** What a link may be made with besides. */
export interface LinkChanges extends Partial<LinkOptions> {
  kernel_id?: string | null;
  account?: string;
}

/** A page at the other end of the vault's port, with a person in front of it. */
export class TestPage implements Port<FromVault> {
  readonly id: string;
  readonly received: FromVault[] = [];
  /** Of a `delivery` port: what it answers; `undefined`: nothing, ever. */
  result?: DeliveryResult;
  /** Where it finds the widgets. */
  place?: Place;
  signedOut?: boolean;
  readonly #vault: Vault;
  readonly #idp: TestProvider;

  constructor(vault: Vault, idp: TestProvider, role: Role = "widget") {
    count += 1;
    this.id = `page-${count}`;
    this.#vault = vault;
    this.#idp = idp;
    this.say({ type: "hello", page_id: this.id, role, headers: {} });
  }

  say(message: ToVault): void {
    this.send(message);
  }

  /** Anything, as a script in the page may. */
  send(message: unknown): void {
    this.#vault.receive(this, structuredClone(message));
  }

  postMessage(message: FromVault): void {
    this.received.push(structuredClone(message)); // what can't be cloned can't be sent
    if (message.type !== "deliver" || message.delivery === 0 || !this.result) return;
    const { result, place } = this;
    this.say({ type: "result", delivery: message.delivery, result, place, signed_out: this.signedOut });
  }

  link(link_id: string, changes: Partial<Wanted> = {}, others: LinkChanges = {}): void {
    const { kernel_id = "kernel-1", account, ...options } = others;
    this.say({
      type: "link",
      link_id,
      wanted: wanted(changes),
      options: { auto_refresh: true, share_id_token: false, ...options },
      kernel_id,
      account,
    });
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

  linked(link_id: string) {
    return this.all("linked").findLast((message) => message.link_id === link_id);
  }

  /** What came for a kernel by the widget's own comm, or for the control channel. */
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

  /** What the callback page does, until the vault has it: the browser lands where the request said. */
  async callBack(url: string, search: string, hash = ""): Promise<void> {
    const channel = new BroadcastChannel(`oidc-widget:${new URL(url).searchParams.get("state")}`);
    try {
      const taken = new Promise((resolve) => {
        channel.onmessage = resolve;
      });
      channel.postMessage({ search, hash, pathname: landingOf(url) });
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

/** The path of the page that an authorization request sends the person back to. */
export function landingOf(url: string): string {
  return new URL(new URL(url).searchParams.get("redirect_uri") ?? "").pathname;
}
