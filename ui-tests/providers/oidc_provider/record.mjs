/**
 * Every request to the provider, and every secret that it gave out or was given, so that tests can count the ones and search
 * for the others.
 */
import querystring from "node:querystring";
import { realNow } from "./clock.mjs";

/** Secrets that clients send: the request parameter's name is the kind. */
const SENT = ["code_verifier", "state", "nonce", "client_secret", "refresh_token", "code", "token", "id_token_hint"];
/** Secrets in token responses (RFC 6749 §5.1) and device authorization responses (RFC 8628 §3.2). */
const GIVEN = ["access_token", "refresh_token", "id_token", "device_code"];

export class Record {
  requests = [];
  #secrets = new Map();

  get secrets() {
    return [...this.#secrets].map(([value, kind]) => ({ kind, value }));
  }

  clear() {
    this.requests = [];
    this.#secrets.clear();
  }

  #secret(kind, value) {
    if (typeof value === "string" && value !== "" && !this.#secrets.has(value)) this.#secrets.set(value, kind);
  }

  middleware(provider) {
    return async (ctx, next) => {
      if (ctx.method === "POST") ctx.req.body = await read(ctx.req);
      const params = { ...ctx.query, ...querystring.parse(ctx.req.body ?? "") };
      const entry = {
        time: realNow(),
        method: ctx.method,
        path: ctx.path,
        endpoint: endpointOf(provider, ctx.path),
        origin: ctx.get("Origin") || null,
        client_id: params.client_id ?? basicUser(ctx) ?? null,
        grant_type: params.grant_type ?? null,
        params,
        status: null,
        error: null,
      };
      this.requests.push(entry);
      ctx.state.endpoint = entry.endpoint;
      ctx.state.params = params;
      for (const kind of SENT) this.#secret(kind, params[kind]);
      try {
        await next();
      } finally {
        entry.status = ctx.respond === false ? 0 : ctx.status;
        entry.error = ctx.body?.error ?? null;
        entry.answered = realNow();
        this.#given(ctx);
      }
    };
  }

  #given(ctx) {
    if (ctx.body?.constructor === Object) {
      for (const kind of GIVEN) this.#secret(kind, ctx.body[kind]);
    }
    const location = ctx.response.get("Location");
    if (location) this.#secret("code", URL.parse(location)?.searchParams.get("code"));
  }
}

/** The library's name of the route, or null for one of ours (the interactions). */
function endpointOf(provider, path) {
  if (path.startsWith("/.well-known/")) return "discovery";
  const names = [
    "authorization",
    "token",
    "userinfo",
    "jwks",
    "revocation",
    "introspection",
    "device_authorization",
    "end_session",
  ];
  return names.find((name) => provider.pathFor(name, { mountPath: "" }) === path) ?? null;
}

/** RFC 6749 §2.3.1: the client's name as HTTP Basic user. */
function basicUser(ctx) {
  const [scheme, credentials = ""] = ctx.get("Authorization").split(" ");
  if (scheme.toLowerCase() !== "basic") return undefined;
  return decodeURIComponent(Buffer.from(credentials, "base64").toString().split(":")[0]);
}

async function read(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
