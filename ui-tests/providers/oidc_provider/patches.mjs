/**
 * Answers that are not what they should be.
 *
 * `discovery_response`, `device_authorization_response`, `token_response`,
 * `authorization_response` (the redirect's parameters, also of error responses):
 * `{set: {…}, omit: […], on: grant_type}`. `id_token`: `{claims: {…}, header: {…}, sign_with, on}`, where a claim of null is
 * left out (and an `at_hash` of true is the right one, which the library leaves out in this flow), `sign_with: "other"` signs with a key that nobody knows under the name of the right one, and `"none"` does not sign.
 * With `on`, only token responses to that grant type are changed. `authorization_response` with `fragment: true` comes behind a
 * "#" (OAuth 2.0 Multiple Response Types §2.1), whatever was asked for.
 */
import { hash } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT, UnsecuredJWT } from "jose";

export function patches(settings, keys) {
  return async (ctx, next) => {
    await next();
    const { endpoint, params } = ctx.state;
    const { discovery_response: discovery, device_authorization_response: device_authorization } = settings;
    const patch = { discovery, device_authorization }[endpoint];
    if (patch && isObject(ctx.body)) ctx.body = changed(ctx.body, patch);
    if (endpoint === "token" && ctx.body?.access_token !== undefined) {
      if (ctx.body.id_token && applies(settings.id_token, params)) {
        ctx.body.id_token = await forged(ctx.body, settings.id_token, keys);
      }
      if (applies(settings.token_response, params)) ctx.body = changed(ctx.body, settings.token_response);
    }
    if (endpoint === "authorization" || ctx.path.startsWith("/auth/")) redirect(ctx, settings.authorization_response);
  };
}

function isObject(body) {
  return body?.constructor === Object;
}

function applies({ on }, { grant_type }) {
  return on === undefined || on === null || on === grant_type;
}

function changed(body, { set = {}, omit = [] }) {
  const copy = { ...body, ...set };
  for (const name of omit) delete copy[name];
  return copy;
}

function redirect(ctx, { set = {}, omit = [], fragment = false }) {
  const location = URL.parse(ctx.response.get("Location"));
  const answers = location?.searchParams.has("code") || location?.searchParams.has("error");
  if (!answers) return;
  for (const [name, value] of Object.entries(set)) location.searchParams.set(name, value);
  for (const name of omit) location.searchParams.delete(name);
  if (fragment) {
    location.hash = location.searchParams.toString();
    location.search = "";
  }
  ctx.set("Location", location.href);
}

/** OIDC Core §3.1.3.6: the left half of the access token's hash. */
function accessTokenHash(accessToken, alg) {
  const digest = hash(`sha${alg.slice(-3)}`, accessToken, "buffer");
  return digest.subarray(0, digest.length / 2).toString("base64url");
}

async function forged(
  { id_token: token, access_token: accessToken },
  { claims, header = {}, sign_with: signWith },
  keys,
) {
  if (!claims && !signWith && Object.keys(header).length === 0) return token;
  const payload = Object.fromEntries(
    Object.entries({ ...decodeJwt(token), ...claims }).filter(([, value]) => value !== null),
  );
  const protectedHeader = { ...decodeProtectedHeader(token), ...header };
  if (payload.at_hash === true) payload.at_hash = accessTokenHash(accessToken, protectedHeader.alg);
  if (signWith === "none") return new UnsecuredJWT(payload).encode();
  const key = signWith === "other" ? keys.foreign : await importJWK(keys.signing(protectedHeader.alg));
  return new SignJWT(payload).setProtectedHeader(protectedHeader).sign(key);
}
