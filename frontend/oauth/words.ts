import type { ErrorCode, Problem } from "./errors.js";
import type { Facts, Failure, Refusal, Said } from "./failure.js";

/** What happened and why, and what to do about it. */
type Words = Omit<Problem, "code">;

const TRY_AGAIN = "Try again; if it happens again, tell the provider's administrator.";

const WORDS: { [Code in keyof Facts]: (facts: Facts[Code]) => Words | Problem } = {
  invalid_authority: ({ authority, url }) =>
    url
      ? {
          message: `The authority ${url.href} does not use https, so tokens could be read on the way.`,
          hint: "Use its https address; plain http is for a provider on this machine only.",
        }
      : {
          message: `The authority ${JSON.stringify(authority)} is not a web address.`,
          hint: "Give the provider's issuer address, such as https://idp.example.com.",
        },

  provider_unreachable: (facts) =>
    "address" in facts
      ? {
          message: `The browser can't read ${facts.address}: the provider is not reachable from here, or it does not allow requests from this page (CORS).`,
          hint: "Check the address and the network; or let the server's administrator configure this provider.",
        }
      : fromServer(facts),

  discovery_failed: (facts) => {
    if (!("address" in facts)) return fromServer(facts);
    const { address } = facts;
    return "endpoint" in facts
      ? {
          message: `The discovery document at ${address} names no usable ${facts.endpoint}.`,
          hint: "Check the authority with the provider's administrator.",
        }
      : {
          message: `There is no discovery document at ${address} (the answer was ${facts.status}).`,
          hint: "The authority is the provider's issuer address; some have a path, such as /realms/NAME.",
        };
  },

  issuer_mismatch: (facts) =>
    "issuer" in facts
      ? {
          message: `The provider at ${facts.issuer.href} calls itself ${facts.announced}.`,
          hint: "Use the address that it calls itself by as the authority.",
        }
      : fromServer(facts),

  authorization_failed: (facts) =>
    "issuer" in facts ? incomplete(facts.issuer) : refused(facts, "authorization_failed"),

  state_mismatch: () => ({
    message: "The answer from the sign-in window belongs to another sign-in.",
    hint: "Try again, and finish the sign-in in the window that opens.",
  }),

  iss_mismatch: ({ iss, issuer }) =>
    iss === undefined
      ? incomplete(issuer)
      : {
          message: `The answer came from ${iss}, not from ${issuer}, so it was not used.`,
          hint: "Try again; if it happens again, tell the provider's administrator: it can be an attack.",
        },

  id_token_invalid: ({ claim = "" }) => ({
    message: `The provider's ID token was not accepted: ${REASONS.get(claim) ?? "it is missing or malformed"}.`,
    hint: claim === "exp" || claim === "nbf" ? "Check this computer's clock, then try again." : TRY_AGAIN,
  }),

  token_endpoint_unreachable: (facts) => {
    if ("address" in facts) {
      return {
        message: `The browser can't reach the token endpoint ${facts.address}: it is down, or it does not allow requests from this page (CORS).`,
        hint: "Allow this page's origin for the client at the provider, or let the server's administrator configure a relay.",
      };
    }
    if (!("status" in facts)) return fromServer(facts);
    return {
      message: `The provider's token endpoint has a problem of its own (status ${facts.status}).`,
      hint: "Try again in a while.",
    };
  },

  token_request_refused: (facts) => ("status" in facts ? malformed(facts) : refused(facts, "token_request_refused")),

  token_response_invalid: malformed,

  invalid_grant: () => ({
    message: "The provider gave no refresh token, so the token can't be renewed without you.",
    hint: "Sign in again; some providers need the scope “offline_access” for this.",
  }),

  scope_unavailable: (refusal) => refused(refusal, "token_request_refused"),

  timeout: () => ({ message: "Nobody finished the sign-in within 15 minutes.", hint: "Try again." }),

  no_token: () => ({ message: "Nobody is signed in.", hint: "Sign in first." }),

  sign_in_failed: ({ name }) => ({
    message: `The sign-in failed for a reason that was not foreseen (${name}).`,
    hint: "Try again; if it happens again, please report it.",
  }),
};

/** Why an ID token is not accepted, by the claim that is wrong. */
const REASONS = new Map([
  ["iss", "it names another issuer"],
  ["aud", "it is meant for another client"],
  ["azp", "it is meant for another client"],
  ["nonce", "it belongs to another sign-in (nonce)"],
  ["exp", "it has expired"],
  ["nbf", "it is not valid yet"],
  ["sub", "it is another person's"],
  ["signature", "its signature does not fit the provider's keys"],
  ["at_hash", "it belongs to another access token (at_hash)"],
]);

/** A failure as a problem. What the provider refused, and so the code, is in its own words. */
export function inWords({ code, facts }: Failure): Problem {
  return { code, ...(WORDS[code] as (facts: unknown) => Words | Problem)(facts) };
}

/** A refusal of either endpoint (RFC 6749 §4.1.2.1, §5.2; RFC 8707 §2), in the provider's own words, but not at length. */
function refused(refusal: Refusal, otherwise: "authorization_failed" | "token_request_refused"): Problem {
  const { error, error_description, client_id } = refusal;
  const quoted = error_description ? ` The provider says: “${error_description.slice(0, 300)}”.` : "";
  const problem = (code: ErrorCode, message: string, hint: string) => ({ code, message: message + quoted, hint });
  switch (error) {
    case "access_denied":
      return problem(
        error,
        "The sign-in was declined.",
        "Sign in again and allow the access, or ask the provider's administrator for it.",
      );
    case "invalid_grant":
      return problem(error, "The provider no longer accepts this sign-in.", "Sign in again.");
    case "invalid_client":
    case "unauthorized_client":
      return problem(
        "unknown_client",
        `The provider does not accept the client “${client_id}”.`,
        "Check client_id, and that it is a public client with the authorization code flow; one that needs a secret can be used through the server's configuration (relay).",
      );
    case "invalid_scope":
    case "invalid_target":
      return problem(
        "scope_unavailable",
        `The provider does not grant what was asked for (${error}).`,
        "Check scopes, resource and audience.",
      );
    default:
      return problem(
        otherwise,
        `The provider refused the ${otherwise === "authorization_failed" ? "sign-in" : "token request"} (${error}).`,
        "Try again, or ask the provider's administrator.",
      );
  }
}

function incomplete(issuer: string): Words {
  return {
    message: `The answer from ${issuer} is incomplete or of an unknown kind, so it was not used.`,
    hint: TRY_AGAIN,
  };
}

function malformed({ status }: { status: number }): Words {
  return {
    message: `The token endpoint's answer (status ${status}) is not what RFC 6749 §5 asks for.`,
    hint: "Check the authority with the provider's administrator.",
  };
}

function fromServer({ said }: Said): Words {
  return said
    ? { message: said.slice(0, 300) }
    : {
        message: "The Jupyter server does not pass the request on: it does not know you any more.",
        hint: "Sign in to Jupyter again, then reload the page.",
      };
}
