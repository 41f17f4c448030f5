/**
 * What comes from a kernel is checked here, once. A kernel is trusted less than the page: it may ask for its own token,
 * and what it sends that is not of the right form is as if it had not been sent.
 */
import type { FromKernel } from "../client/kernel-messages.js";
import type { KernelState } from "../client/sign-in/kernel-state.js";
import type { Problem } from "../oauth/errors.js";
import type { LinkOptions, Wanted } from "../vault/messages.js";

/** A widget's synced state. */
export interface WidgetState {
  id: string;
  wanted: Wanted;
  options: LinkOptions;
  /** The kernel signs in by itself, whatever this page could do. */
  alone: boolean;
  /** It may do so where this page can't. */
  either: boolean;
}

type Fields = Record<string, unknown>;

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= 8000;
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const textOrNull = (value: unknown) => (isText(value) ? value : null);
const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? { ...value } : {});
const fieldsOrNull = (value: unknown) => (value ? fieldsOf(value) : null);

/** `undefined`: this is no widget of ours, or its state was made by something else. */
export function readState(get: (name: string) => unknown): WidgetState | undefined {
  const id = get("_link_id");
  const request = fieldsOf(get("_request"));
  const { auto_refresh, share_id_token, label, flow } = fieldsOf(get("_options"));
  const { authority, client_id, provider, scopes, resource, audience, extra_params, redirect_uri } = request;
  const optional = [authority, client_id, provider, resource, audience, redirect_uri, label];
  const fits =
    isText(id) &&
    id !== "" &&
    isTexts(scopes) &&
    optional.every((value) => value === null || value === undefined || isText(value)) &&
    isTexts(Object.values(fieldsOf(extra_params)));
  if (!fits) return undefined;
  return {
    id,
    wanted: {
      authority: textOrNull(authority),
      client_id: textOrNull(client_id),
      provider: textOrNull(provider),
      scopes,
      resource: textOrNull(resource),
      audience: textOrNull(audience),
      extra_params: fieldsOf(extra_params) as Record<string, string>,
      redirect_uri: textOrNull(redirect_uri),
    },
    // One by one: a kernel must not set what is not its own to set.
    options: {
      auto_refresh: auto_refresh !== false,
      share_id_token: share_id_token === true,
      label: textOrNull(label),
    },
    alone: flow !== "auto" && flow !== "popup",
    either: flow === "auto",
  };
}

/** A listener of this machine's own (RFC 8252 §7.3). */
const LOOPBACK = /^http:\/\/127\.0\.0\.1:\d+\/[\w.-]*$/;

const STATUS = ["signed_out", "signing_in", "signed_in", "expired", "error"];

/** `undefined`: nothing that a kernel has to say. */
export function readMessage(data: unknown): FromKernel | undefined {
  const { kind, ...message } = fieldsOf(data);
  const { id, resource, scopes, attempt, status, account, expires_in } = message;
  switch (kind) {
    case "sign_in":
    case "sign_out":
    case "cancel":
    case "ping":
      return { kind };
    case "refresh":
      return {
        kind,
        ...(isText(id) && { id }),
        resource: textOrNull(resource),
        scopes: isTexts(scopes) ? scopes : null,
      };
    case "problem": {
      const problem = readProblem(message.problem);
      return problem && typeof attempt === "number" ? { kind, problem, attempt } : undefined;
    }
    case "diagnose":
      return isText(id) ? { kind, id } : undefined;
    case "probe": {
      const { page, address } = message;
      return isText(page) && isText(address) && LOOPBACK.test(address) ? { kind, page, address } : undefined;
    }
    case "state":
      if (!STATUS.includes(status as string)) return undefined;
      return {
        kind,
        status: status as KernelState["status"],
        account: textOrNull(account),
        expires_in: Number.isFinite(expires_in) ? (expires_in as number) : null,
        renewed: message.renewed === true,
        error: readProblem(message.error),
        device: readDevice(fieldsOrNull(message.device)),
        paste: readPaste(fieldsOrNull(message.paste)),
      };
    default:
      return undefined;
  }
}

function readProblem(value: unknown): Problem | undefined {
  const { code, message, hint, copy } = fieldsOf(value);
  if (!isText(code) || !isText(message)) return undefined;
  return { code: code as Problem["code"], message, ...(isText(hint) && { hint }), ...(isText(copy) && { copy }) };
}

function readDevice(device: Fields | null): KernelState["device"] {
  if (!device || !isText(device.user_code) || !isText(device.verification_uri)) return null;
  const { user_code, verification_uri, qr_svg } = device;
  return {
    user_code,
    verification_uri,
    verification_uri_complete: textOrNull(device.verification_uri_complete),
    qr_svg: typeof qr_svg === "string" && qr_svg.length < 100_000 ? qr_svg : null,
  };
}

function readPaste(paste: Fields | null): KernelState["paste"] {
  if (!paste || !isText(paste.authorization_url) || !isText(paste.redirect_uri)) return null;
  const { authorization_url, redirect_uri } = paste;
  return { authorization_url, redirect_uri };
}
