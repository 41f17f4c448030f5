import type { Provider } from "../protocol/discovery.js";
import { type Environment, randomString } from "../protocol/environment.js";
import { type LoginRequest, targetKey } from "../protocol/request.js";
import type { Link } from "./link.js";
import type { SessionInfo } from "./messages.js";
import { accountOf, loginHint, sameClient, serves } from "./recognition.js";
import type { SavedSession } from "./sealed-store.js";
import { Session, type SessionContext } from "./session.js";
import type { SignInResult } from "./sign-in.js";

/** The sessions of this vault, each known by issuer, client and account; the newest sign-in is the last. */
export class Sessions {
  readonly #environment: Environment;
  readonly #context: SessionContext;
  readonly #list: Session[] = [];

  constructor(environment: Environment, context: SessionContext) {
    this.#environment = environment;
    this.#context = context;
  }

  /** Takes in what a sign-in gave: a new session, or new tokens for one that is known. */
  enter({ provider, request, tokens }: SignInResult): Session {
    const { subject, account } = accountOf(tokens.claims ?? tokens.userinfo, request);
    const known = this.#list.find((other) => sameClient(other, provider, request) && other.subject === subject);
    const session = known ?? new Session(randomString(this.#environment), provider, subject, account, this.#context);
    if (known) this.#list.splice(this.#list.indexOf(known), 1);
    this.#list.push(session);
    session.add(request, tokens);
    return session;
  }

  /** Goes on with a session from sealed storage, unless the person has signed in anew meanwhile. */
  restore(saved: SavedSession, provider: Provider): void {
    const { subject, account, grants } = saved;
    const [{ request }] = grants;
    if (this.#list.some((other) => sameClient(other, provider, request) && other.subject === subject)) return;
    const session = new Session(randomString(this.#environment), provider, subject, account, this.#context);
    this.#list.unshift(session);
    session.restore(saved);
  }

  /** For sealed storage: those that can be renewed. */
  get saved(): SavedSession[] {
    return this.#list.map((session) => session.saved).filter(({ grants }) => grants.length > 0);
  }

  has(session: Session): boolean {
    return this.#list.includes(session);
  }

  /** The session that may answer this request without a click: the newest that fits. */
  serving(request: LoginRequest): Session | undefined {
    return this.#list.findLast((session) => !session.over && serves(session, request));
  }

  remove(session: Session): void {
    this.#list.splice(this.#list.indexOf(session), 1);
  }

  wake(): void {
    for (const session of this.#list) session.wake();
  }

  /** For the sidebar. */
  describe(links: Iterable<Link>): SessionInfo[] {
    const users = [...links];
    return this.#list.map((session) => {
      const token = session.token(targetKey(session.request));
      return {
        session_id: session.id,
        account: session.account,
        lifetime: token?.lifetime,
        request: session.request,
        subject: session.subject,
        login_hint: loginHint(session.claims),
        uses: users.flatMap((link) => (link.session === session && link.place ? [link.place] : [])),
      };
    });
  }
}
