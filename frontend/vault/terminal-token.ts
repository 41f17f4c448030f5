import { sameAuthority } from "../oauth/authority.js";
import type { ErrorCode, Problem } from "../oauth/errors.js";
import { isUnreachable } from "../oauth/failure.js";
import { type LoginRequest, targetKey } from "../oauth/request.js";
import { NOTHING_WANTED } from "./messages.js";
import { complete } from "./providers/destination.js";
import type { JupyterServer } from "./providers/jupyter-server.js";
import type { Session } from "./sessions/session.js";
import { serves } from "./sessions/sharing-rules.js";

/** Seconds that a token has left at least where the provider gives that much, else half of what it gives. */
const LEAST_LEFT = 60;

/** Why a terminal gets no token: its person reads other words than one who looks at a widget. */
export class NoToken extends Error {
  readonly problem: Problem;

  constructor(code: ErrorCode, message: string, hint: string) {
    super(message);
    this.problem = { code, message, hint };
  }
}

/**
 * A fresh access token of a provider as a person writes it in a terminal: the name of one that the administrator
 * configured, or the host or the address of another one that is signed in at.
 *
 * @throws {NoToken} there is no such provider, or nobody is signed in there
 * @throws {Failure} the provider does not renew it
 */
export async function terminalToken(
  name: string,
  sessions: readonly Session[],
  server: JupyterServer,
  now: number,
): Promise<string> {
  const configuration = await server.providers();
  const live = sessions.filter(({ over }) => !over);
  const known = configuration.providers.some((provider) => provider.name === name);
  const named = known ? complete({ ...NOTHING_WANTED, provider: name }, configuration).request : undefined;
  const session = live.findLast(named ? (one) => serves(one, withoutPrompt(named), now) : (one) => isCalled(one, name));
  if (session) return await freshToken(session, named ?? session.request);
  if (named) {
    throw new NoToken(
      "no_token",
      `Nobody is signed in at “${name}” in the browser that was asked.`,
      "Sign in in JupyterLab's sidebar “Sign-ins”, and ask again.",
    );
  }
  const others = live.filter(({ destination }) => !destination.linkedTo.configured);
  const names = [...configuration.providers.map((provider) => provider.name), ...others.map(hostOf)];
  throw new NoToken(
    "unknown_provider",
    `There is no provider “${name}” here.`,
    names.length > 0
      ? `There is ${[...new Set(names)].map((each) => `“${each}”`).join(", ")}.`
      : "None is configured, and nobody is signed in: sign in in JupyterLab, and name the provider's host.",
  );
}

/** It is about the sign-in to come, and here there is one. */
function withoutPrompt(request: LoginRequest): LoginRequest {
  const { prompt: _, ...extra_params } = request.extra_params;
  return { ...request, extra_params };
}

const hostOf = ({ destination }: Session): string => destination.linkedTo.host;

function isCalled(session: Session, name: string): boolean {
  return hostOf(session) === name || sameAuthority(session.provider.metadata.issuer, name);
}

async function freshToken(session: Session, request: LoginRequest): Promise<string> {
  const token = session.token(targetKey(request));
  const left = token && (session.secondsLeft(token) ?? Number.POSITIVE_INFINITY);
  if (token && left && left > Math.min(LEAST_LEFT, (token.lifetime ?? 0) / 2)) return token.value;
  try {
    return (await session.refresh(request)).value;
  } catch (failure) {
    if (token && isUnreachable(failure)) return token.value; // the old one still lives
    throw failure;
  }
}
