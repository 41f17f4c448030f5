import type { Environment } from "../../oauth/environment.js";
import type { Problem } from "../../oauth/errors.js";
import { Failure } from "../../oauth/failure.js";
import type { LoginRequest } from "../../oauth/request.js";
import type { Clock } from "../clock.js";
import { clear, type Link } from "../links/link.js";
import type { FromVault, Port } from "../messages.js";
import { problemOf } from "../problem.js";
import type { Destination } from "../providers/destination.js";
import { prepareSignIn, type SignIn, type SignInResult } from "./attempt.js";

/** A prepared sign-in is renewed when it is this old, in seconds. */
const PREPARED_FOR = 300;

export interface SignInFlowContext {
  clock: Clock;
  /** Finds out where this link signs in; its pages are told. */
  destinationOf(link: Link): Promise<Destination>;
  environmentOf(request: LoginRequest): Environment;
  /** The link has something new to show. */
  publish(link: Link): void;
  /** A sign-in came to its end with tokens. */
  signedIn(link: Link, result: SignInResult): void;
}

/** Gets people from the click to their tokens: prepares sign-ins, awaits their answers, redeems them. */
export interface SignInFlow {
  /** Has an address ready for this link, so that a click opens the window straight at the provider. */
  prepare(link: Link): Promise<void>;
  /** A window was opened: with the prepared address, or an empty one that is to be sent on. */
  begin(port: Port<FromVault>, link: Link, preparedId?: string): Promise<void>;
  stop(link: Link): void;
}

/** How a provider is asked who signs in, although it may know somebody (Initiating User Registration §4 for the list). */
function whoIsIt(supported: unknown): string | undefined {
  return ["select_account", "login"].find((prompt) => Array.isArray(supported) && supported.includes(prompt));
}

export function createSignInFlow(context: SignInFlowContext): SignInFlow {
  const { clock, destinationOf, environmentOf, publish, signedIn } = context;
  const make = async (link: Link) => {
    const destination = await destinationOf(link);
    const prompt = link.anew ? whoIsIt(destination.provider.metadata.prompt_values_supported) : undefined;
    link.samePerson = prompt === undefined;
    return prepareSignIn(destination, environmentOf(destination.request), prompt);
  };

  function tellPrepared({ id: link_id, ports, prepared }: Link): void {
    if (!prepared) return;
    const { id, url, linkedTo } = prepared;
    const { configured } = linkedTo;
    for (const port of ports) port.postMessage({ type: "prepared", link_id, prepared: { id, url, configured } });
  }

  async function prepare(link: Link): Promise<void> {
    if (link.prepared) return tellPrepared(link);
    const { wanted } = link;
    try {
      const next = await make(link);
      if (link.wanted !== wanted) return; // asked for something else meanwhile
      link.prepared = next;
      tellPrepared(link);
      if (link.anew) publish(link);
      clock.setTimeout(() => {
        if (link.prepared !== next) return;
        link.prepared = undefined;
        link.replaced = next;
        if (link.ports.size > 0) void prepare(link);
      }, PREPARED_FOR);
    } catch (failure) {
      const problem = await problemOf(failure);
      if (link.session || link.begun || link.wanted !== wanted) return; // a click will tell
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
      const ready = [link.prepared, link.replaced].find((signIn) => signIn?.id === preparedId);
      link.prepared = undefined;
      link.replaced = undefined;
      let opened: { url?: string; configured?: boolean; failure?: Problem } = {};
      try {
        const signIn = ready ?? (await make(link));
        if (link.click !== click) return;
        if (!ready) opened = { url: signIn.url, configured: signIn.linkedTo.configured };
        link.begun = signIn;
        link.abandoned = false;
        signIn.begin(
          clock,
          (answer) => void end(link, signIn, signIn.redeem(answer)),
          () => void end(link, signIn, Promise.reject(new Failure("timeout", undefined))),
        );
      } catch (reason) {
        const failure = await problemOf(reason);
        if (link.click !== click) return;
        link.problem = failure;
        opened = { failure };
      }
      port.postMessage({ type: "opened", link_id: link.id, ...opened });
      publish(link);
      void prepare(link);
    },
  };
}
