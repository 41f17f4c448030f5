import { Failure, type Unanswered } from "../../oauth/failure.js";
import { decoded } from "../../oauth/jwt.js";
import type { Target } from "../../oauth/request.js";
import type { Tokens } from "../../oauth/token-endpoint.js";

/**
 * What a provider may leave out when it says what it granted: it is about claims and refresh tokens, or stands for
 * whatever was consented to.
 */
const GRANTED_ANYWAY = /^(openid|profile|email|offline_access)$|\/\.default$/i;

/** Scopes that were asked for and not granted, as far as the answer says (RFC 6749 §3.3, §5.1). */
export function missingScopes({ scope }: Tokens, { scopes }: Target): string[] {
  if (!scope) return [];
  const granted = scope.toLowerCase().split(" "); // some write them with other capitals
  return scopes.filter((wanted) => !GRANTED_ANYWAY.test(wanted) && !granted.includes(wanted.toLowerCase()));
}

/**
 * What is not as it was asked for, where the answer or the token itself says so. Many providers ignore `resource` or
 * `audience` without a word (RFC 8707 §2, RFC 9068 §2.2), and then the API refuses the token.
 *
 * @returns a warning, since the token is there and may do all the same
 */
export function unanswered(tokens: Tokens, target: Target): Failure | undefined {
  const missing = missingScopes(tokens, target);
  if (missing.length > 0) return warning({ asked: missing.join(" "), got: tokens.scope ?? "" });
  const audiences = [decoded(tokens.access_token)?.claims?.aud].flat().filter((aud) => typeof aud === "string");
  const asked = [target.resource, target.audience].filter((one): one is string => !!one);
  if (asked.length === 0 || audiences.length === 0) return undefined;
  const bare = (address: string) => address.replace(/\/$/, "");
  if (asked.some((one) => audiences.some((aud) => bare(aud) === bare(one)))) return undefined;
  return warning({ asked: asked[0], got: audiences.join(", ").slice(0, 200) });
}

function warning(facts: Unanswered): Failure {
  return new Failure("scope_unavailable", facts);
}
