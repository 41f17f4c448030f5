import type { Environment } from "../../oauth/environment.js";
import type { Problem } from "../../oauth/errors.js";
import { Failure } from "../../oauth/failure.js";
import type { LoginRequest } from "../../oauth/request.js";
import type { Clock } from "../clock.js";
import { clear, type Link } from "../links/link.js";
import type { FromVault, Port } from "../messages.js";
import { problemOf } from "../problem.js";
import type { ProviderCache } from "../provider-cache.js";
import { prepareSignIn, type SignIn, type SignInResult } from "./attempt.js";

/** A prepared sign-in is renewed when it is this old, in seconds. */
const PREPARED_FOR = 300;

export interface ReceptionContext {
  clock: Clock;
  providerOf: ProviderCache;
  environmentOf(request: LoginRequest): Environment;
  /** The link has something new to show. */
  publish(link: Link): void;
  /** A sign-in came to its end with tokens. */
  signedIn(link: Link, result: SignInResult): void;
}

/** Gets people from the click to their tokens: prepares sign-ins, awaits their answers, redeems them. */
export interface Reception {
  /** Has an address ready for this link, so that a click opens the window straight at the provider. */
  prepare(link: Link): Promise<void>;
  /** A window was opened: with the prepared address, or an empty one that is to be sent on. */
  begin(port: Port<FromVault>, link: Link, preparedId?: string): Promise<void>;
  stop(link: Link): void;
}

export function createReception(context: ReceptionContext): Reception {
  const { clock, providerOf, environmentOf, publish, signedIn } = context;
  const make = async ({ request, forwardTo }: Link) =>
    prepareSignIn(await providerOf(request), request, environmentOf(request), forwardTo);

  function tellPrepared({ id: link_id, ports, prepared }: Link): void {
    if (!prepared) return;
    const { id, url } = prepared;
    for (const port of ports) port.postMessage({ type: "prepared", link_id, prepared: { id, url } });
  }

  async function prepare(link: Link): Promise<void> {
    if (link.prepared) return tellPrepared(link);
    const { request } = link;
    try {
      const next = await make(link);
      if (link.request !== request) return; // asked for something else meanwhile
      link.prepared = next;
      tellPrepared(link);
      clock.setTimeout(() => {
        if (link.prepared !== next) return;
        link.prepared = undefined;
        if (link.ports.size > 0) void prepare(link);
      }, PREPARED_FOR);
    } catch (failure) {
      const problem = await problemOf(failure);
      if (link.session || link.begun || link.request !== request) return; // a click will tell
      link.problem = problem;
      publish(link);
    }
  }

  function stop(link: Link): void {
    link.click = undefined;
    link.begun?.stop();
    link.begun = undefined;
    link.abandoned = false;
  }

  async function end(link: Link, signIn: SignIn, redeemed: Promise<SignInResult>): Promise<void> {
    let result: SignInResult | undefined;
    let problem: Problem | undefined;
    try {
      result = await redeemed;
    } catch (failure) {
      problem = await problemOf(failure);
    }
    if (link.begun !== signIn) {
      if (result) signIn.giveBack(result); // cancelled meanwhile
      return;
    }
    stop(link);
    link.problem = problem;
    if (result) signedIn(link, result);
    else publish(link);
  }

  return {
    prepare,
    stop,
    async begin(port, link, preparedId) {
      stop(link);
      const click = {};
      link.click = click;
      clear(link);
      const ready = link.prepared?.id === preparedId ? link.prepared : undefined;
      link.prepared = undefined;
      let url: string | undefined;
      let failure: Problem | undefined;
      try {
        const signIn = ready ?? (await make(link));
        if (link.click !== click) return;
        if (!ready) url = signIn.url;
        link.begun = signIn;
        link.abandoned = false;
        signIn.begin(
          clock,
          (search) => void end(link, signIn, signIn.redeem(search)),
          () => void end(link, signIn, Promise.reject(new Failure("timeout", undefined))),
        );
      } catch (reason) {
        failure = await problemOf(reason);
        if (link.click !== click) return;
        link.problem = failure;
      }
      port.postMessage({ type: "opened", link_id: link.id, url, failure });
      publish(link);
      void prepare(link);
    },
  };
}
