import type { ErrorCode, Problem, Sentence } from "./errors.js";
import type { Facts, Failure, Refusal, Said, Unreachable } from "./failure.js";

/** What happened and why, and what to do about it. Texts with %1, %2 … for a page's translator. */
interface Words {
  message: Sentence | Sentence[];
  hint?: Sentence;
  copy?: string;
  /** Where the facts say more than the failure's own code. */
  code?: ErrorCode;
}

const TRY_AGAIN: Sentence = ["Try again; if it happens again, tell the provider's administrator."];

const WORDS: { [Code in keyof Facts]: (facts: Facts[Code]) => Words } = {
  invalid_authority: ({ authority, url }) =>
    url
      ? {
          message: ["The authority %1 does not use https, so tokens could be read on the way.", url.href],
          hint: ["Use its https address; plain http is for a provider on this machine only."],
        }
      : {
          message: ["The authority %1 is not a web address.", JSON.stringify(authority)],
          hint: ["Give the provider's issuer address, such as https://idp.example.com."],
        },

  invalid_configuration: ({ parameter, value }) => ({
    message: ["%1 can't be %2.", parameter, JSON.stringify(value.slice(0, 100))],
    hint: ["max_age is a number of seconds (OpenID Connect Core §3.1.2.1)."],
  }),

  unknown_provider: ({ name, names }) => ({
    message: ["This server has no provider “%1”.", name],
    hint: names.length
      ? ["It has %1.", names.map((other) => `“${other}”`).join(", ")]
      : ["None is configured; give authority and client_id instead."],
  }),

  provider_unreachable: (facts) =>
    "address" in facts
      ? (tooLarge(facts) ?? {
          message: [
            "The browser can't read %1: the provider is not reachable from here, or it does not allow requests from this page (CORS).",
            facts.address,
          ],
          hint: ["Check the address and the network; or let the server's administrator configure this provider."],
        })
      : fromServer(facts),

  discovery_failed: (facts) => {
    if (!("address" in facts)) return fromServer(facts);
    const { address } = facts;
    return "endpoint" in facts
      ? {
          message: ["The discovery document at %1 names no usable %2.", address, facts.endpoint],
          hint: ["Check the authority with the provider's administrator."],
        }
      : {
          message: ["There is no discovery document at %1 (the answer was %2).", address, String(facts.status)],
          hint: ["The authority is the provider's issuer address; some have a path, such as /realms/NAME."],
        };
  },

  issuer_mismatch: (facts) =>
    "authority" in facts
      ? {
          message: ["The provider at %1 calls itself %2.", facts.authority, facts.announced.slice(0, 300)],
          hint: ["Use the address that it calls itself by as the authority."],
        }
      : fromServer(facts),

  redirect_uri_mismatch: ({ given, own }) => ({
    message: ["The redirect address %1 is not this provider's own.", given],
    hint: ["Leave redirect_uri out, and register this address with the provider: %1", own],
    copy: own,
  }),

  authorization_failed: (facts) =>
    "issuer" in facts ? incomplete(facts.issuer) : refused(facts, "authorization_failed"),

  state_mismatch: () => ({
    message: ["The answer from the sign-in window belongs to another sign-in."],
    hint: ["Try again, and finish the sign-in in the window that opens."],
  }),

  iss_mismatch: ({ iss, issuer }) =>
    iss === undefined
      ? incomplete(issuer)
      : {
          message: ["The answer came from %1, not from %2, so it was not used.", iss.slice(0, 300), issuer],
          hint: ["Try again; if it happens again, tell the provider's administrator: it can be an attack."],
        },

  id_token_invalid: (facts) => {
    if ("alg" in facts) {
      return {
        message: [
          "The provider's ID token was not accepted: its algorithm, %1, is none of a public key.",
          facts.alg.slice(0, 20),
        ],
        hint: ["Have the provider sign this client's ID tokens with a key of its own, such as RS256."],
      };
    }
    const { claim = "" } = facts;
    return {
      message: [["The provider's ID token was not accepted: %1.", REASONS.get(claim) ?? "it is missing or malformed"]],
      hint: claim === "exp" || claim === "nbf" ? ["Check this computer's clock, then try again."] : TRY_AGAIN,
    };
  },

  acr_mismatch: ({ wanted, acr }) => ({
    message: acr
      ? ["The provider signed in by “%1”, not by “%2” as acr_values asks for.", acr.slice(0, 100), wanted]
      : ["The provider does not say how it signed in, but acr_values asks for “%1”.", wanted],
    hint: ["Leave acr_values out where the provider sends no acr."],
  }),

  token_endpoint_unreachable: (facts) => {
    if ("address" in facts) {
      return (
        tooLarge(facts) ?? {
          message: [
            "The browser can't reach the token endpoint %1: it is down, or it does not allow requests from this page (CORS).",
            facts.address,
          ],
          hint: facts.offline
            ? [
                "Allow this page's origin for the client at the provider. Where that is done, the provider may not grant you offline_access: leave it out of the scopes.",
              ]
            : [
                "Allow this page's origin for the client at the provider, or let the server's administrator configure a relay.",
              ],
        }
      );
    }
    if (!("status" in facts)) return fromServer(facts);
    return {
      message: ["The provider's token endpoint has a problem of its own (status %1).", String(facts.status)],
      hint: ["Try again in a while."],
    };
  },

  token_request_refused: (facts) => ("status" in facts ? malformed(facts) : refused(facts, "token_request_refused")),

  token_response_invalid: malformed,

  invalid_grant: (refusal) =>
    refusal
      ? refused({ ...refusal, error: "invalid_grant" }, "token_request_refused")
      : {
          message: ["The provider gave no refresh token, so the token can't be renewed without you."],
          hint: ["Sign in again; some providers need the scope “offline_access” for this."],
        },

  scope_unavailable: (facts) =>
    "asked" in facts
      ? {
          message: ["The token is not for %1, as was asked for, but for %2.", facts.asked, facts.got],
          hint: ["The provider may take it another way (resource, audience or scopes); the API may refuse this token."],
        }
      : refused(facts, "token_request_refused"),

  timeout: () => ({ message: ["Nobody finished the sign-in within 15 minutes."], hint: ["Try again."] }),

  no_token: () => ({ message: ["Nobody is signed in."], hint: ["Sign in first."] }),

  server_unavailable: ({ status }) =>
    status === 404
      ? {
          message: [
            "This Jupyter server doesn't have oidc-widget's server extension, so no sign-in window can come back.",
          ],
          hint: ["Install and enable oidc-widget where the Jupyter server runs, or use flow='device'."],
        }
      : {
          message: ["The Jupyter server does not say which providers are configured (status %1).", String(status)],
          hint: ["Check that you are signed in to it, then reload the page; or use flow='device'."],
        },

  sign_in_failed: ({ name }) => ({
    message: ["The sign-in failed for a reason that was not foreseen (%1).", name],
    hint: ["Try again; if it happens again, please report it."],
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
  ["auth_time", "it does not say that the person signed in as recently as was asked for (auth_time)"],
  ["signature", "its signature does not fit the provider's keys"],
  ["at_hash", "it belongs to another access token (at_hash)"],
]);

/** A failure as a problem. What the provider refused, and so the code, is in its own words. */
export function inWords({ code, facts }: Failure): Problem {
  const words = (WORDS[code] as (facts: unknown) => Words)(facts);
  const message = (typeof words.message[0] === "string" ? [words.message] : words.message) as Sentence[];
  const { hint, copy } = words;
  return {
    code: words.code ?? code,
    message: message.map(filled).join(" "),
    ...(hint && { hint: filled(hint) }),
    ...(copy && { copy }),
    sentences: { message, ...(hint && { hint }) },
  };
}

/** As JupyterLab's translator fills them in. */
function filled([text, ...values]: Sentence): string {
  return text.replace(/%(\d)/g, (_, place) => values[Number(place) - 1]);
}

/** A refusal of either endpoint (RFC 6749 §4.1.2.1, §5.2; RFC 8707 §2), in the provider's own words, but not at length. */
function refused(refusal: Refusal, otherwise: "authorization_failed" | "token_request_refused"): Words {
  const { error, error_description, client_id } = refusal;
  const quoted: Sentence[] = error_description ? [["The provider says: “%1”.", error_description.slice(0, 300)]] : [];
  const problem = (code: ErrorCode, message: Sentence, hint: string): Words => ({
    code,
    message: [message, ...quoted],
    hint: [hint],
  });
  switch (error) {
    case "access_denied":
      return problem(
        error,
        ["The sign-in was declined."],
        "Sign in again and allow the access, or ask the provider's administrator for it.",
      );
    case "invalid_grant":
      return problem(error, ["The provider no longer accepts this sign-in."], "Sign in again.");
    case "invalid_client":
    case "unauthorized_client":
      return problem(
        "unknown_client",
        ["The provider does not accept the client “%1”.", client_id],
        "Check client_id, and that it is a public client with the authorization code flow; one that needs a secret can be used through the server's configuration (relay).",
      );
    case "invalid_scope":
    case "invalid_target":
      return problem(
        "scope_unavailable",
        ["The provider does not grant what was asked for (%1).", error],
        "Check scopes, resource and audience.",
      );
    default:
      return problem(
        otherwise,
        [
          otherwise === "authorization_failed"
            ? "The provider refused the sign-in (%1)."
            : "The provider refused the token request (%1).",
          error.slice(0, 100),
        ],
        "Try again, or ask the provider's administrator.",
      );
  }
}

function incomplete(issuer: string): Words {
  return {
    message: ["The answer from %1 is incomplete or of an unknown kind, so it was not used.", issuer],
    hint: TRY_AGAIN,
  };
}

function malformed({ status }: { status: number }): Words {
  return {
    message: ["The token endpoint's answer (status %1) is not what RFC 6749 §5 asks for.", String(status)],
    hint: ["Check the authority with the provider's administrator."],
  };
}

function tooLarge({ address, largest }: Unreachable): Words | undefined {
  if (!largest) return undefined;
  return {
    message: ["The answer of %1 is longer than %2 MB, so it was not read.", address, String(largest / 1e6)],
    hint: ["Check the authority with the provider's administrator."],
  };
}

function fromServer({ said }: Said): Words {
  return said
    ? { message: ["%1", said.slice(0, 300)] }
    : {
        message: ["The Jupyter server does not pass the request on: it does not know you any more."],
        hint: ["Sign in to Jupyter again, then reload the page."],
      };
}
