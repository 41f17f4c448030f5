import { type AuthorizationRequest, authorizationRequest } from "../../oauth/authorization-request.js";
import { samePath } from "../../oauth/callback-address.js";
import { type Environment, randomString } from "../../oauth/environment.js";
import { exchangeCode, revokeToken, type Tokens } from "../../oauth/token-endpoint.js";
import type { Clock } from "../clock.js";
import type { LinkedTo } from "../messages.js";
import type { Destination } from "../providers/destination.js";

/** How long an open sign-in is waited for, in seconds: people look for their second factor. */
const BEGUN_FOR = 900;

export interface SignInResult {
  destination: Destination;
  tokens: Tokens;
}

/** One sign-in, from its prepared address to its tokens. Used once. */
export interface SignIn {
  /** Names it to pages, which never see its `state` by itself. */
  readonly id: string;
  readonly url: string;
  readonly linkedTo: LinkedTo;
  /** The window has done its part: that it closes means nothing any more. */
  readonly answered: boolean;
  /**
   * Waits for the callback page, which speaks on a channel that only it and this sign-in know the name of. The first
   * answer from the page that this sign-in's answer must land on counts; whoever comes later finds nobody.
   */
  begin(clock: Clock, answered: (answer: string) => void, gaveUp: () => void): void;
  stop(): void;
  /** @throws {Failure} whatever is wrong with the answer or the tokens */
  redeem(answer: string): Promise<SignInResult>;
  /** Nobody wants the tokens any more: the provider need not keep them either. */
  giveBack(result: SignInResult): void;
}

/** @param prompt asked of the provider besides, where the request names none (OpenID Connect Core §3.1.2.1) */
export async function prepareSignIn(
  destination: Destination,
  environment: Environment,
  prompt?: string,
): Promise<SignIn> {
  const { provider, request, linkedTo, forwardTo, landing } = destination;
  const asked = prompt ? { ...request, extra_params: { prompt, ...request.extra_params } } : request;
  const sent: AuthorizationRequest = await authorizationRequest(provider, asked, environment, forwardTo);
  let answered = false;
  let stop = () => {};
  return {
    id: randomString(environment),
    url: sent.url,
    linkedTo,
    get answered() {
      return answered;
    },
    begin(clock, onAnswer, gaveUp) {
      sent.sentAt = environment.now();
      const channel = new BroadcastChannel(`oidc-widget:${sent.state}`);
      const timer = clock.setTimeout(() => {
        stop();
        gaveUp();
      }, BEGUN_FOR);
      stop = () => {
        channel.close();
        clock.clearTimeout(timer);
      };
      channel.onmessage = ({ data }) => {
        const answer = answerOf(data, landing);
        if (answer === undefined) return;
        answered = true;
        channel.postMessage({ received: true });
        stop();
        onAnswer(answer);
      };
    },
    stop: () => stop(),
    async redeem(answer) {
      return { destination, tokens: await exchangeCode(provider, request, sent, answer, environment) };
    },
    giveBack({ tokens }) {
      void revokeToken(provider, request.client_id, tokens.refresh_token ?? tokens.access_token, environment);
    },
  };
}

/**
 * What the provider has sent the person back with, if it was to this sign-in's own address: what arrives at another's is
 * another provider's, whatever `state` it carries (RFC 9700 §4.4.2.2).
 */
function answerOf(data: unknown, landing: string): string | undefined {
  const { search, hash, pathname } = (data ?? {}) as Record<string, unknown>;
  if (typeof search !== "string" || typeof pathname !== "string" || !samePath(pathname, landing)) return undefined;
  const fragment = typeof hash === "string" ? hash.replace(/^#/, "") : "";
  return [search.replace(/^\?/, ""), fragment].filter(Boolean).join("&");
}
