/**
 * Keys that are new since somebody looked, and that browsers keep: `key_rotations` and `jwks_max_age`.
 *
 * The library reads its keys once, at its start; so what it published and signed is changed on the way out.
 */
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT } from "jose";

export function rotation(settings, keys) {
  return async (ctx, next) => {
    await next();
    const later = await keys.later(settings.key_rotations);
    if (ctx.state.endpoint === "jwks" && ctx.body?.keys) {
      ctx.body = { keys: [...ctx.body.keys, ...later.map(published)] };
      if (settings.jwks_max_age !== null) ctx.set("Cache-Control", `max-age=${settings.jwks_max_age}`);
    }
    if (ctx.state.endpoint === "token" && ctx.body?.id_token && later.length > 0) {
      ctx.body.id_token = await signedAnew(ctx.body.id_token, later.at(-1));
    }
  };
}

function published({ kty, n, e, kid, use, alg }) {
  return { kty, n, e, kid, use, alg };
}

async function signedAnew(token, jwk) {
  const header = decodeProtectedHeader(token);
  if (header.alg !== jwk.alg) return token;
  return new SignJWT(decodeJwt(token)).setProtectedHeader({ ...header, kid: jwk.kid }).sign(await importJWK(jwk));
}
