import { type Environment, randomString } from "../../oauth/environment.js";
import type { Provider } from "../../oauth/provider.js";
import type { LoginRequest } from "../../oauth/request.js";
import type { SignInResult } from "../sign-in/attempt.js";
import { createSession, type Session, type SessionContext } from "./session.js";
import { accountOf, sameClient, serves } from "./sharing-rules.js";

/** The sessions of this vault, each known by issuer, client and account. */
export interface Sessions {
  /** The newest sign-in is the last. */
  readonly list: Session[];
  /** Takes in what a sign-in gave: a new session, or new tokens for one that is known. */
  enter(result: SignInResult): Session;
  find(provider: Provider, request: LoginRequest, subject: string): Session | undefined;
  /** One that nobody is signed in to yet. */
  make(provider: Provider, subject: string, account: string): Session;
  /** The session that may answer this request without a click: the newest that fits. */
  serving(request: LoginRequest): Session | undefined;
  remove(session: Session): void;
}

export function createSessions(environment: Environment, context: SessionContext): Sessions {
  const list: Session[] = [];

  const find = (provider: Provider, request: LoginRequest, subject: string) =>
    list.find((session) => sameClient(session, provider, request) && session.subject === subject);

  const make = (provider: Provider, subject: string, account: string) =>
    createSession(randomString(environment), provider, subject, account, context);

  const remove = (session: Session) => void list.splice(list.indexOf(session), 1);

  return {
    list,
    find,
    make,
    remove,
    enter({ provider, request, tokens }) {
      const { subject, account } = accountOf(tokens.claims ?? tokens.userinfo, request);
      const known = find(provider, request, subject);
      const session = known ?? make(provider, subject, account);
      if (known) remove(known);
      list.push(session);
      session.add(request, tokens);
      return session;
    },
    serving: (request) => list.findLast((session) => !session.over && serves(session, request)),
  };
}
