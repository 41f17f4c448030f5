/**
 * What comes in over a port is checked here, once: a page's scripts may have written it, or a kernel by its widget's
 * state and messages. After that the types of `messages.ts` hold.
 */
import type { ToVault } from "./messages.js";
import { isRole } from "./roles.js";

type Guard = (value: unknown) => boolean;
type Fields<Message> = { [Name in Exclude<keyof Message, "type">]-?: Guard };
type Guards = { [Type in ToVault["type"]]: Fields<Extract<ToVault, { type: Type }>> };

/** The longest text that anybody needs to send, an address among them. */
const LONGEST = 8000;
const LONGEST_LIST = 200;
/** What a kernel is told of its page, as JSON. */
const LARGEST_PAYLOAD = 50_000;

const text: Guard = (value) => typeof value === "string" && value.length <= LONGEST;
const name: Guard = (value) => text(value) && value !== "";
const flag: Guard = (value) => typeof value === "boolean";
const count: Guard = (value) => Number.isSafeInteger(value);
const optional =
  (guard: Guard): Guard =>
  (value) =>
    value === undefined || value === null || guard(value);
const one =
  (...values: unknown[]): Guard =>
  (value) =>
    values.includes(value);

const texts: Guard = (value) => Array.isArray(value) && value.length <= LONGEST_LIST && value.every(text);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const record: Guard = (value) => {
  if (!isRecord(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= LONGEST_LIST && entries.every(([key, item]) => text(key) && text(item));
};

const object =
  (fields: Record<string, Guard>): Guard =>
  (value) =>
    isRecord(value) && Object.entries(fields).every(([key, guard]) => guard(value[key]));

/** What the Jupyter server asks for; nothing else of a request is a page's to set. */
const headers: Guard = (value) =>
  isRecord(value) &&
  Object.entries(value).every(
    ([key, item]) => /^(authorization|x-xsrftoken)$/i.test(key) && text(item) && /^[\x20-\x7e]*$/.test(String(item)),
  );

const payload: Guard = (value) => {
  if (!isRecord(value)) return false;
  try {
    return JSON.stringify(value).length <= LARGEST_PAYLOAD;
  } catch {
    return false; // what is no JSON can't go to a kernel
  }
};

const wanted = object({
  authority: optional(text),
  client_id: optional(text),
  provider: optional(text),
  scopes: texts,
  resource: optional(text),
  audience: optional(text),
  extra_params: record,
  redirect_uri: optional(text),
});
const options = object({ auto_refresh: flag, share_id_token: flag, label: optional(text) });
const problem = object({ code: name, message: text, hint: optional(text), copy: optional(text) });
const place = object({ path: text, name: text });

const LINK = { link_id: name };

const GUARDS: Guards = {
  hello: { page_id: optional(name), role: isRole, headers },
  server: { headers },
  bye: {},
  wake: {},
  link: { ...LINK, wanted, options, kernel_id: optional(name), account: optional(text) },
  unlink: { ...LINK, gone: optional(flag) },
  begin: { ...LINK, prepared_id: optional(text) },
  cancel: LINK,
  window_closed: { ...LINK, problem: optional(problem) },
  accept: LINK,
  sign_out: LINK,
  log_out: LINK,
  refresh: { ...LINK, id: optional(text), resource: optional(text), scopes: optional(texts) },
  tell_again: LINK,
  tell_kernel: { ...LINK, event: one("page", "facts"), payload },
  result: {
    delivery: count,
    result: one("delivered", "failed", "not_mine"),
    place: optional(place),
    signed_out: optional(flag),
  },
  settings: { settings: object({ confirmSharing: flag }) },
  terminals: { allowed: flag },
  list_sessions: {},
};

/** The message, if it is one: with all that belongs to its type, and nothing else. */
export function checked(data: unknown): ToVault | undefined {
  if (!isRecord(data) || typeof data.type !== "string" || !Object.hasOwn(GUARDS, data.type)) return undefined;
  const fields = Object.entries(GUARDS[data.type as ToVault["type"]]) as [string, Guard][];
  if (!fields.every(([key, guard]) => guard(data[key]))) return undefined;
  return Object.fromEntries([["type", data.type], ...fields.map(([key]) => [key, data[key]])]) as ToVault;
}
