import type { Environment } from "../protocol/environment.js";
import { problemOf } from "../protocol/errors.js";
import type { LoginRequest } from "../protocol/request.js";
import type { Clock } from "./clock.js";
import type { Link } from "./link.js";
import type { FromVault, Port } from "./messages.js";
import type { ProviderCache } from "./provider-cache.js";
import { SignIn, type SignInResult } from "./sign-in.js";

/** A prepared sign-in is renewed when it is this old, in seconds. */
const PREPARED_FOR = 300;

export interface ReceptionContext {
  clock: Clock;
  providers: ProviderCache;
  environmentOf(request: LoginRequest): Environment;
  /** The link has something new to show. */
  publish(link: Link): void;
  /** A sign-in came to its end with tokens. */
  signedIn(link: Link, result: SignInResult): void;
}

/** Gets people from the click to their tokens: prepares sign-ins, awaits their answers, redeems them. */
export class Reception {
  readonly #context: ReceptionContext;
  /** The last click of each link, until it is cancelled: making its address ready may take a while. */
  readonly #clicks = new WeakMap<Link, object>();

  constructor(context: ReceptionContext) {
    this.#context = context;
  }

  /** Has an address ready for this link, so that a click opens the window straight at the provider. */
  async prepare(link: Link): Promise<void> {
    const { request, prepared } = link;
    if (prepared && prepared.age < PREPARED_FOR) return this.#tellPrepared(link);
    try {
      const next = await this.#make(link);
      if (link.request !== request) return; // asked for something else meanwhile
      link.prepared = next;
      this.#tellPrepared(link);
      this.#context.clock.setTimeout(() => {
        if (link.prepared === next && link.ports.size > 0) void this.prepare(link);
      }, PREPARED_FOR);
    } catch (failure) {
      if (link.session || link.begun) return; // a click will tell
      link.problem = problemOf(failure);
      this.#context.publish(link);
    }
  }

  /** A window was opened: with the prepared address, or an empty one that is to be sent on. */
  async begin(port: Port<FromVault>, link: Link, preparedId?: string): Promise<void> {
    this.stop(link);
    const click = {};
    this.#clicks.set(link, click);
    link.problem = undefined;
    link.logoutUrl = undefined;
    const ready = link.prepared?.id === preparedId ? link.prepared : undefined;
    link.prepared = undefined;
    try {
      const signIn = ready ?? (await this.#make(link));
      if (this.#clicks.get(link) !== click) return;
      port.postMessage({ type: "opened", link_id: link.id, url: ready ? undefined : signIn.url });
      this.#await(link, signIn);
    } catch (failure) {
      if (this.#clicks.get(link) !== click) return;
      const problem = problemOf(failure);
      link.problem = problem;
      port.postMessage({ type: "opened", link_id: link.id, failure: problem });
    }
    this.#context.publish(link);
    void this.prepare(link);
  }

  stop(link: Link): void {
    this.#clicks.delete(link);
    link.begun?.stop();
    link.begun = undefined;
    link.abandoned = false;
  }

  async #make({ request, forwardTo }: Link): Promise<SignIn> {
    const { providers, environmentOf } = this.#context;
    return SignIn.prepare(await providers.get(request), request, environmentOf(request), forwardTo);
  }

  #await(link: Link, signIn: SignIn): void {
    link.begun = signIn;
    link.abandoned = false;
    signIn.begin(
      this.#context.clock,
      (search) => void this.#redeem(link, signIn, search),
      () => {
        link.problem = {
          code: "timeout",
          message: "Nobody finished the sign-in within 15 minutes.",
          hint: "Try again.",
        };
        this.stop(link);
        this.#context.publish(link);
      },
    );
  }

  async #redeem(link: Link, signIn: SignIn, search: string): Promise<void> {
    let result: SignInResult | undefined;
    let failure: unknown;
    try {
      result = await signIn.redeem(search);
    } catch (reason) {
      failure = reason;
    }
    if (link.begun !== signIn) {
      if (result) void signIn.giveBack(result); // cancelled meanwhile
      return;
    }
    link.begun = undefined;
    link.abandoned = false;
    link.problem = result ? undefined : problemOf(failure);
    if (result) this.#context.signedIn(link, result);
    else this.#context.publish(link);
  }

  #tellPrepared({ id, ports, prepared }: Link): void {
    if (!prepared) return;
    const message = { id: prepared.id, url: prepared.url };
    for (const port of ports) port.postMessage({ type: "prepared", link_id: id, prepared: message });
  }
}
