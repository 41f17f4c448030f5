import { discoveryUrl } from "../oauth/authority.js";
import type { LoginRequest } from "../oauth/request.js";
import { send } from "../oauth/send.js";
import type { Wanted } from "../vault/messages.js";
import type { JupyterHost } from "./host.js";
import { callbackUrl } from "./host.js";

const PATIENCE = 8000; // ms
/** What no provider has issued. */
const MADE_UP = "made-up-by-oidc-widget-diagnose";

/** What only the browser can know of the way to the provider; the kernel puts it into words. */
export interface Facts extends Record<string, unknown> {
  origin: string;
  secure: boolean;
  /** A sign-in window can be opened here. */
  window: boolean;
  /** Why a sign-in window's answer could not come back here; missing: nothing is in the way. */
  storage?: string;
  /** Seconds since the epoch, by the browser's clock. */
  now: number;
  request?: LoginRequest | Wanted;
  /** The status of this server's callback page; 0: no answer. */
  callback?: number;
  /** By endpoint: whether this page can read its answer (CORS), be it a refusal. */
  readable?: Record<string, boolean>;
}

/** What any page knows. */
export function plainFacts(): Facts {
  return { origin: location.origin, secure: isSecureContext, window: false, now: Date.now() / 1000 };
}

/** @param request as the vault has completed it; where it can't, what was asked for is what there is to look at */
export async function diagnose(host: JupyterHost, request: LoginRequest | Wanted): Promise<Facts> {
  const { authority, client_id } = request;
  const relayed = "relay" in request && request.relay;
  const facts = { ...plainFacts(), window: true };
  const [callback, readable] = await Promise.all([
    status(callbackUrl(host)),
    authority && client_id && !relayed ? readability(authority, client_id) : undefined,
  ]);
  return { ...facts, request, callback, readable };
}

async function readability(authority: string, client_id: string): Promise<Record<string, boolean>> {
  let metadata: Record<string, unknown>;
  try {
    metadata = await (await ask(discoveryUrl(authority))).json();
  } catch {
    return { discovery: false };
  }
  const { jwks_uri, token_endpoint, revocation_endpoint } = metadata;
  const endpoints: [name: string, address: unknown, form?: Record<string, string>][] = [
    ["keys", jwks_uri],
    ["token endpoint", token_endpoint, { grant_type: "refresh_token", refresh_token: MADE_UP, client_id }],
    ["revocation endpoint", revocation_endpoint, { token: MADE_UP, client_id }],
  ];
  const known = endpoints.filter((endpoint) => typeof endpoint[1] === "string");
  const answers = await Promise.all(
    known.map(async ([name, address, form]) => [name, (await status(String(address), form)) > 0] as const),
  );
  return { discovery: true, ...Object.fromEntries(answers) };
}

/** 0: there is no answer, or none that this page may read. */
async function status(address: string, form?: Record<string, string>): Promise<number> {
  try {
    return (await ask(address, form)).status;
  } catch {
    return 0;
  }
}

function ask(address: string, form?: Record<string, string>): Promise<Response> {
  return send({ fetch }, address, {
    ...(form && { method: "POST", body: new URLSearchParams(form) }),
    cache: "no-store",
    redirect: "follow",
    signal: AbortSignal.timeout(PATIENCE),
  });
}
