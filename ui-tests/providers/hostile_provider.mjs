/**
 * A provider that misbehaves as the table `tests/hostile/cases.json` says. Both languages read it.
 *
 * A group has the `ways` on which its cases are tried, and what is `expected` of them: an error's code, `served` (it is
 * forgiven) or `waiting` (nothing comes of it). A case `does` something, after the sign-in `asks` for extra parameters;
 * `elsewhere`: at a provider on another machine. It may expect something else, on all ways or on some (`null`: not tried).
 * `how`, by what is answered:
 *
 * - `discovery`, `keys`, `token`, `device`, `userinfo`: `set` and `omit` members; or instead of the answer a `body`, one
 *   nested `deep`, `pad`ded, `gzip`ped or with many `words`; its `status`, `type` and `headers`, `fat` ones; a `redirect`;
 *   `drip`: it never ends; `endless`: 200 MB of this; `cut` after so many bytes; `refuse`: no answer.
 *   Of `keys`, `names` says which: `KEY[:kid[:use]]`, or a whole key.
 * - `id_token`: `set` and `omit` of its claims and of its `header`; the `key` that signs it (`main`, `other`, `weak`,
 *   `client`); its `payload` or `signature`; claims that are `deep` or `padded`; or a `raw` text.
 * - `authorization`: `set`, `omit` or have `twice` parameters of the answer; in the `fragment`; at another `path`.
 *
 * `$issuer` and `$port` stand for this sign-in's own; `now+60` for a time.
 *
 * Each sign-in has an issuer of its own, `ORIGIN/CASE/WAY/ANYTHING`, so that tests need not share anything. On the ways
 * `refresh` and `renewal` it is honest until it has given tokens once. What it issues while it misbehaves begins with
 * `evil-`: a token by which a test sees whether anybody was taken in.
 *
 * Prints `{"origin": …}` when it is ready, and ends with its standard input.
 */
import { createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";

const TABLE = JSON.parse(readFileSync(new URL("../../tests/hostile/cases.json", import.meta.url), "utf8"));
const CASES = new Map(TABLE.flatMap(({ cases }) => cases).map((one) => [one.name, one]));
/** The issuer of cases whose provider is `elsewhere`; tests bring requests to it here. */
const ELSEWHERE = "https://hostile.example";

const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const KEYS = {
  main: { ...ec(), alg: "ES256" },
  other: { ...ec(), alg: "ES256" },
  weak: { ...generateKeyPairSync("rsa", { modulusLength: 1024 }), alg: "RS256" },
};
const b64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A key as it stands in a key set (RFC 7517); an object is one already. */
function jwk(named) {
  if (typeof named !== "string") return named;
  const [name, kid = "key-1", use = "sig"] = named.split(":");
  const { publicKey, alg } = KEYS[name];
  return { ...publicKey.export({ format: "jwk" }), alg, use, ...(kid && { kid }) };
}

/** `now+60` and the like as seconds since the epoch; the table can't know them. */
const moment = (value) => {
  const [, offset] = /^now([+-]\d+)$/.exec(value) ?? [];
  return offset === undefined ? value : Math.floor(Date.now() / 1000) + Number(offset);
};

function patched(document, { set = {}, omit = [] } = {}) {
  const made = { ...document };
  for (const [key, value] of Object.entries(set)) made[key] = moment(value);
  for (const name of omit) delete made[name];
  return made;
}

/** Spaces by the 30 MB, in a few kB. */
const bombs = new Map();
function bomb(size) {
  if (!bombs.has(size)) bombs.set(size, gzipSync(Buffer.alloc(size, " ")));
  return bombs.get(size);
}
for (const { how } of CASES.values()) for (const { gzip } of Object.values(how)) if (gzip) bomb(gzip);

const nested = (depth) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

function idToken(claims, how = {}, url = String) {
  const { key = "main", header = {}, payload, deep, padded, raw, signature, ...patch } = how;
  if (raw !== undefined) return raw;
  const { privateKey, publicKey, alg } = KEYS[key] ?? KEYS.main;
  const parts = patched({ alg, kid: "key-1" }, header);
  let body = payload ?? url(JSON.stringify(patched(claims, patch)));
  if (padded) body = `${body.slice(0, -1)},"padded":"${"x".repeat(padded)}"}`;
  if (deep) body = `${body.slice(0, -1)},"deep":${nested(deep)}}`;
  const input = `${b64(parts)}.${b64(body)}`;
  if (signature !== undefined) return `${input}.${signature}`;
  if (/^hs256$/i.test(parts.alg)) {
    // What an attacker knows: the public key, or the client's name.
    const secret = key === "client" ? "notebooks" : publicKey.export({ format: "pem", type: "spki" });
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  }
  return `${input}.${sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** What was done at each issuer, for tests that ask `ISSUER/log`. */
const done = new Map();

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const [, name, way, run, ...rest] = pathname.split("/");
  const found = CASES.get(name);
  if (!found) return send(response, { status: 404 });
  const { port } = request.socket.address();
  const origin = found.elsewhere ? ELSEWHERE : `http://127.0.0.1:${port}`;
  const issuer = `${origin}/${name}/${way}/${run}`;
  const log = done.get(issuer) ?? { issued: 0, bad: false, requests: [] };
  done.set(issuer, log);
  const path = `/${rest.join("/")}`;
  if (path === "/log") return send(response, { json: log });
  const form = Object.fromEntries(new URLSearchParams(await bodyOf(request)));
  log.requests.push({ path, method: request.method, cookie: request.headers.cookie, form });
  // On these ways from the second token request on; the keys that belong to the first one are asked for after it.
  log.bad ||= !/^(refresh|renewal)$/.test(way) || (path === "/token" && log.issued > 0);
  const { bad } = log;
  const how = bad ? found.how : {};
  const answer = ENDPOINTS[path];
  if (!answer) return send(response, { status: 404 });
  const url = (text) => String(text).replaceAll("$issuer", issuer).replaceAll("$port", String(port));
  answer({ issuer, way, how, form, log, url, query: searchParams, marker: bad ? "evil" : "good" }, (document, spec) =>
    send(response, { json: document, ...spec }, url),
  );
}).listen(0, "127.0.0.1", function listening() {
  console.log(JSON.stringify({ origin: `http://127.0.0.1:${this.address().port}` }));
});
process.stdin.resume().on("end", () => process.exit());

const ENDPOINTS = {
  "/.well-known/openid-configuration": ({ issuer, way, how }, say) => {
    const { discovery = {} } = how;
    const document = patched(
      {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        revocation_endpoint: `${issuer}/revoke`,
        userinfo_endpoint: `${issuer}/userinfo`,
        ...(way !== "paste" && { device_authorization_endpoint: `${issuer}/device` }),
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
      },
      discovery,
    );
    say(document, discovery);
  },

  "/keys": ({ how }, say) => say({ keys: (how.keys?.names ?? ["main"]).map(jwk) }, how.keys),

  "/authorize": ({ issuer, how, query, url }, say) => {
    const { twice = [], fragment, path, ...patch } = how.authorization ?? {};
    const code = b64({ nonce: query.get("nonce") });
    const made = patched({ code, state: query.get("state"), iss: issuer }, patch);
    const parameters = new URLSearchParams(JSON.parse(url(JSON.stringify(made))));
    for (const each of twice) parameters.append(each, parameters.get(each) ?? "x");
    const there = new URL(query.get("redirect_uri"));
    if (path) there.pathname = path;
    if (fragment) there.hash = `${parameters}`;
    else there.search = `${parameters}`;
    say(undefined, { redirect: there.href });
  },

  "/device": ({ issuer, how }, say) => {
    const { device = {} } = how;
    const uri = `${issuer}/enter`;
    const document = {
      device_code: "device",
      user_code: "ABCD-EFGH",
      verification_uri: uri,
      expires_in: 60,
      interval: 0.01,
    };
    say(patched(document, device), device);
  },

  "/token": (context, say) => {
    const { issuer, how, form, log, marker, url } = context;
    const { token = {} } = how;
    log.issued += 1;
    let nonce;
    if (form.code) ({ nonce } = JSON.parse(Buffer.from(form.code, "base64url")));
    const now = Math.floor(Date.now() / 1000);
    log.signedInAt ??= now; // a renewal is no other sign-in
    const claims = { iss: issuer, aud: "notebooks", sub: "alice-1", name: "Alice Adams", iat: now, exp: now + 300 };
    const access_token = `${marker}-access-${randomUUID()}`;
    const document = {
      access_token,
      token_type: "Bearer",
      expires_in: 300,
      refresh_token: `${marker}-refresh-${randomUUID()}`,
      id_token: idToken({ ...claims, auth_time: log.signedInAt, ...(nonce && { nonce }) }, how.id_token, url),
    };
    say(patched(document, token), token);
  },

  "/userinfo": ({ how }, say) => say(patched({ sub: "alice-1", name: "Alice Adams" }, how.userinfo), how.userinfo),

  "/revoke": (_, say) => say({}),
};

/** Sends an answer, or what takes its place. */
function send(response, spec, url = String) {
  const { status = spec.redirect ? 302 : 200, type = "application/json", drip, cut, endless, fat, gzip } = spec;
  if (spec.refuse) return response.destroy();
  if (drip === "headers") return trickle(response.socket, "HTTP/1.1 200 OK\r\nX-Filler: ");
  if (endless) return flood(response, endless);
  const whole = gzip ? bomb(gzip) : Buffer.from(url(textOf(spec)));
  response.writeHead(status, {
    "content-type": type,
    "content-length": whole.length + (cut || drip ? 100_000 : 0),
    ...(fat && { "x-fat": "x".repeat(fat) }),
    ...(gzip && { "content-encoding": "gzip" }),
    ...(spec.redirect && { location: url(spec.redirect) }),
    ...spec.headers,
  });
  if (drip) return trickle(response, whole);
  if (!cut) return response.end(whole);
  response.write(whole.subarray(0, cut), () => response.destroy());
}

function textOf({ json, body, deep, pad, words }) {
  const text = deep ? nested(deep) : (body ?? JSON.stringify(json) ?? "");
  if (words) return text.replace("@", "evil ".repeat(words / 5));
  return pad ? `${text.slice(0, -1)},"pad":"${"x".repeat(pad)}"}` : text;
}

/** A byte now and then: no single read ever takes long. */
function trickle(stream, beginning) {
  stream.write(beginning);
  const timer = setInterval(() => stream.write(" "), 20);
  stream.on("close", () => clearInterval(timer)).on("error", () => clearInterval(timer));
}

/** Small objects, 200 MB of them, or until nobody listens. */
function flood(response, piece) {
  const chunk = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  let left = 200_000_000;
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"flood":[');
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (!response.write(chunk)) return response.once("drain", more);
    }
    response.end("0]}");
  };
  response.on("error", () => undefined);
  more();
}

async function bodyOf(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
