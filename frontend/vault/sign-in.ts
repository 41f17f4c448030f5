import { type AuthorizationRequest, authorizationRequest } from "../protocol/authorization.js";
import type { Provider } from "../protocol/discovery.js";
import { type Environment, randomString } from "../protocol/environment.js";
import type { LoginRequest } from "../protocol/request.js";
import type { Tokens } from "../protocol/token.js";
import type { Clock } from "./clock.js";
import { tokenProtocol } from "./token-protocol.js";

/** How long an open sign-in is waited for, in seconds: people look for their second factor. */
const BEGUN_FOR = 900;

export interface SignInResult {
  provider: Provider;
  request: LoginRequest;
  tokens: Tokens;
}

/** One sign-in, from its prepared address to its tokens. Used once. */
export class SignIn {
  /** Names it to pages, which never see its `state` by itself. */
  readonly id: string;
  /** The window has done its part: that it closes means nothing any more. */
  answered = false;
  readonly provider: Provider;
  readonly request: LoginRequest;
  readonly #sent: AuthorizationRequest;
  readonly #environment: Environment;
  /** Ends the waiting: its channel and its time-out. */
  #forget?: () => void;

  private constructor(provider: Provider, request: LoginRequest, sent: AuthorizationRequest, environment: Environment) {
    this.id = randomString(environment);
    this.provider = provider;
    this.request = request;
    this.#sent = sent;
    this.#environment = environment;
  }

  static async prepare(
    provider: Provider,
    request: LoginRequest,
    environment: Environment,
    forwardTo?: string,
  ): Promise<SignIn> {
    const sent = await authorizationRequest(provider, request, environment, forwardTo);
    return new SignIn(provider, request, sent, environment);
  }

  get url(): string {
    return this.#sent.url;
  }

  /** Seconds since it was prepared. */
  get age(): number {
    return this.#environment.now() - this.#sent.made;
  }

  /**
   * Waits for the callback page, which speaks on a channel that only it and this sign-in know the name of.
   * The first answer counts; whoever comes later finds nobody.
   */
  begin(clock: Clock, answered: (search: string) => void, gaveUp: () => void): void {
    tokenProtocol().catch(() => undefined); // it will be there when the person comes back; if not, that is told then
    const channel = new BroadcastChannel(`oidc-widget:${this.#sent.state}`);
    const timer = clock.setTimeout(() => {
      this.stop();
      gaveUp();
    }, BEGUN_FOR);
    this.#forget = () => {
      channel.close();
      clock.clearTimeout(timer);
    };
    channel.onmessage = ({ data }) => {
      if (typeof data?.search !== "string") return;
      this.answered = true;
      channel.postMessage({ received: true });
      this.stop();
      answered(data.search);
    };
  }

  stop(): void {
    this.#forget?.();
    this.#forget = undefined;
  }

  /** @throws {OIDCError} whatever is wrong with the answer or the tokens */
  async redeem(search: string): Promise<SignInResult> {
    const { provider, request } = this;
    const { exchangeCode } = await tokenProtocol();
    const tokens = await exchangeCode(provider, request, this.#sent, search, this.#environment);
    return { provider, request, tokens };
  }

  /** Nobody wants the tokens any more: the provider need not keep them either (RFC 7009). */
  async giveBack({ provider, request, tokens }: SignInResult): Promise<void> {
    const { revokeToken } = await tokenProtocol();
    await revokeToken(provider, request.client_id, tokens.refresh_token ?? tokens.access_token, this.#environment);
  }
}
