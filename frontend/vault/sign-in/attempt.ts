import { type AuthorizationRequest, authorizationRequest } from "../../oauth/authorization-request.js";
import { type Environment, randomString } from "../../oauth/environment.js";
import type { Provider } from "../../oauth/provider.js";
import type { LoginRequest } from "../../oauth/request.js";
import { exchangeCode, revokeToken, type Tokens } from "../../oauth/token-endpoint.js";
import type { Clock } from "../clock.js";

/** How long an open sign-in is waited for, in seconds: people look for their second factor. */
const BEGUN_FOR = 900;

export interface SignInResult {
  provider: Provider;
  request: LoginRequest;
  tokens: Tokens;
}

/** One sign-in, from its prepared address to its tokens. Used once. */
export interface SignIn {
  /** Names it to pages, which never see its `state` by itself. */
  readonly id: string;
  readonly url: string;
  /** The window has done its part: that it closes means nothing any more. */
  readonly answered: boolean;
  /**
   * Waits for the callback page, which speaks on a channel that only it and this sign-in know the name of.
   * The first answer counts; whoever comes later finds nobody.
   */
  begin(clock: Clock, answered: (search: string) => void, gaveUp: () => void): void;
  stop(): void;
  /** @throws {Failure} whatever is wrong with the answer or the tokens */
  redeem(search: string): Promise<SignInResult>;
  /** Nobody wants the tokens any more: the provider need not keep them either. */
  giveBack(result: SignInResult): void;
}

export async function prepareSignIn(
  provider: Provider,
  request: LoginRequest,
  environment: Environment,
  forwardTo?: string,
): Promise<SignIn> {
  const sent: AuthorizationRequest = await authorizationRequest(provider, request, environment, forwardTo);
  let answered = false;
  let stop = () => {};
  return {
    id: randomString(environment),
    url: sent.url,
    get answered() {
      return answered;
    },
    begin(clock, onAnswer, gaveUp) {
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
        if (typeof data?.search !== "string") return;
        answered = true;
        channel.postMessage({ received: true });
        stop();
        onAnswer(data.search);
      };
    },
    stop: () => stop(),
    async redeem(search) {
      return { provider, request, tokens: await exchangeCode(provider, request, sent, search, environment) };
    },
    giveBack({ tokens }) {
      void revokeToken(provider, request.client_id, tokens.refresh_token ?? tokens.access_token, environment);
    },
  };
}
