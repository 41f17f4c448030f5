/** The library, configured from the settings; each of them is looked up when it is needed, so it can change at any time. */
import { errors, Provider } from "oidc-provider";
import { faults } from "./faults.mjs";
import { interactions } from "./interactions.mjs";
import { createKeys } from "./keys.mjs";
import { page } from "./pages.mjs";
import { patches } from "./patches.mjs";
import { Record } from "./record.mjs";
import { rotation } from "./rotation.mjs";
import { Store } from "./store.mjs";

export async function createProvider(issuer, settings) {
  const store = new Store(settings);
  const record = new Record();
  const keys = await createKeys();
  const provider = new Provider(
    issuer,
    configuration(new URL(issuer).pathname.replace(/\/$/, ""), settings, store, keys),
  );
  for (const event of ["server_error", "grant.error", "authorization.error"]) {
    provider.on(event, (_ctx, error) =>
      console.error(event, error.message, error.error_detail ?? "", error.cause ?? ""),
    );
  }
  provider.use(record.middleware(provider));
  provider.use(headers(settings));
  provider.use(faults(settings));
  provider.use(patches(settings, keys));
  provider.use(rotation(settings, keys));
  provider.use(interactions(provider, settings));
  return { provider, store, record };
}

function headers(settings) {
  return async (ctx, next) => {
    // Node stamps its own, which knows nothing of the clock that is off.
    ctx.set("Date", new Date().toUTCString());
    await next();
    if (settings.cors === "none") {
      for (const name of Object.keys(ctx.response.headers)) {
        if (name.startsWith("access-control-")) ctx.remove(name);
      }
    }
  };
}

function corsAllowed(settings, origin, client) {
  if (settings.cors === "any") return true;
  if (settings.cors === "none" || client.clientAuthMethod !== "none") return false;
  return client.redirectUris.some((uri) => new URL(uri).origin === origin);
}

function configuration(path, settings, store, keys) {
  const scopes = new Set(["openid", "offline_access", "profile", "email", "groups"]);
  return {
    adapter: store.adapter,
    jwks: { keys: keys.jwks },
    cookies: {
      keys: [crypto.randomUUID()],
      // Cookies know no ports: two providers of one test must not share theirs.
      names: Object.fromEntries(["session", "interaction", "resume"].map((name) => [name, `_${name}_${keys.kid}`])),
    },
    scopes: [...scopes],
    claims: { profile: ["name", "preferred_username"], email: ["email", "email_verified"], groups: ["groups"] },
    conformIdTokenClaims: false,
    // An expired token is not active, not even for a few seconds.
    clockTolerance: 0,
    clientBasedCORS: (_ctx, origin, client) => corsAllowed(settings, origin, client),
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "RS512", "PS256", "ES256"] },
    findAccount: (_ctx, sub) => findAccount(settings, sub),
    interactions: { url: (_ctx, interaction) => `${path}/interaction/${interaction.uid}` },
    loadExistingGrant: (ctx) => loadGrant(ctx, settings),
    issueRefreshToken: (_ctx, client, source) =>
      client.grantTypeAllowed("refresh_token") &&
      (!settings.strict_offline_access || source.scopes.has("offline_access")),
    expiresWithSession: (_ctx, source) => settings.strict_offline_access && !source.scopes.has("offline_access"),
    rotateRefreshToken: () => settings.rotation,
    extraTokenClaims: (_ctx, token) => ({ groups: settings.accountOf(token.accountId)?.[1].groups }),
    renderError: (ctx, out) => {
      page(ctx, "Sign-in failed", ...Object.entries(out).map(([name, value]) => ({ name, text: String(value) })));
    },
    ttl: {
      AccessToken: () => settings.access_token_ttl,
      IdToken: () => settings.id_token_ttl,
      RefreshToken: () => settings.refresh_token_ttl,
      DeviceCode: () => settings.device_code_ttl,
      AuthorizationCode: 60,
      Grant: 14 * 24 * 3600,
      Session: 14 * 24 * 3600,
      Interaction: 3600,
    },
    features: {
      devInteractions: { enabled: false },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) =>
          client.clientAuthMethod !== "none" || token.clientId === client.clientId,
      },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) =>
          page(
            ctx,
            "Sign out?",
            { html: form },
            { submit: "Sign out", form: "op.logoutForm", name: "logout", value: "yes" },
          ),
        postLogoutSuccessSource: (ctx) => page(ctx, "Signed out"),
      },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _out, error) =>
          page(
            ctx,
            "Enter the code",
            ...(error ? [{ name: "error", text: error.message }] : []),
            { html: form },
            { submit: "Continue", form: "op.deviceInputForm" },
          ),
        userCodeConfirmSource: (ctx, form, _client, _device, code) =>
          page(
            ctx,
            "Is this your code?",
            { name: "code", text: code },
            { html: form },
            { submit: "Confirm", form: "op.deviceConfirmForm" },
            { submit: "Abort", form: "op.deviceConfirmForm", name: "abort", value: "yes" },
          ),
        successSource: (ctx) => page(ctx, "Device signed in"),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf?.[0] ?? settings.default_resource ?? undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => resourceServer(settings, resource),
      },
    },
  };
}

function findAccount(settings, sub) {
  const found = settings.accountOf(sub);
  if (!found) return undefined;
  const [login, { name, email, groups }] = found;
  return {
    accountId: sub,
    claims: (use) =>
      use === "id_token" && !settings.claims_in_id_token
        ? { sub }
        : { sub, name, preferred_username: login, email, email_verified: true, groups },
  };
}

function resourceServer(settings, resource) {
  if (!Object.hasOwn(settings.resources, resource)) {
    throw new errors.InvalidTarget();
  }
  return {
    accessTokenFormat: "jwt",
    jwt: { sign: { alg: "RS256" } },
    ...settings.resources[resource],
  };
}

async function loadGrant(ctx, settings) {
  const { provider, session, client, result, requestParamOIDCScopes, resourceServers, requestParamScopes } = ctx.oidc;
  const id = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const grant = id ? await provider.Grant.find(id) : undefined;
  if (settings.consent !== "skip" || !session.accountId) return grant;
  const all = grant ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  all.addOIDCScope([...requestParamOIDCScopes].join(" "));
  for (const [indicator, server] of Object.entries(resourceServers)) {
    all.addResourceScope(indicator, [...requestParamScopes].filter((scope) => server.scopes.has(scope)).join(" "));
  }
  await all.save();
  return all;
}
