import { type Environment, randomString } from "../../oauth/environment.js";
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
  /** The session that may answer this request without a click: the newest that fits. */
  serving(request: LoginRequest): Session | undefined;
  remove(session: Session): void;
}

export function createSessions(environment: Environment, context: SessionContext): Sessions {
  const list: Session[] = [];

  const remove = (session: Session) => {
    const index = list.indexOf(session);
    if (index >= 0) list.splice(index, 1);
  };

  return {
    list,
    remove,
    enter(result) {
      const { destination, tokens } = result;
      const { provider, request } = destination;
      const { subject, account } = accountOf(tokens.claims ?? tokens.userinfo, request);
      const known = list.find((session) => sameClient(session, provider, request) && session.subject === subject);
      const session = known ?? createSession(randomString(environment), destination, subject, account, context);
      if (known) remove(known);
      list.push(session);
      session.add(result);
      return session;
    },
    serving: (request) => list.findLast((session) => !session.over && serves(session, request, environment.now())),
  };
}
