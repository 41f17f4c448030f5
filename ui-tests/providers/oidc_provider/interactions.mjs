/** The pages on which a person signs in and consents. */
import querystring from "node:querystring";
import { escapeHTML, page } from "./pages.mjs";

export function interactions(provider, settings) {
  return async (ctx, next) => {
    const match = /^\/interaction\/[^/]+(?:\/(?<step>\w+))?$/.exec(ctx.path);
    if (!match) return next();
    // Relative to the mounted path, which the router has already taken away.
    const base = ctx.req.originalUrl.split("?")[0].replace(/(\/interaction\/[^/]+).*$/, "$1");
    const details = await provider.interactionDetails(ctx.req, ctx.res);
    const step = match.groups.step ?? "start";
    if (ctx.method === "POST") return submit(ctx, provider, settings, details, step, base);
    return show(ctx, settings, details, step, base);
  };
}

function show(ctx, settings, { prompt, params }, step, base) {
  if (prompt.name === "login" && settings.federated && step !== "login") {
    page(ctx, "Choose your organisation", { html: `<a href="${base}/login">Example Corp</a>` });
    return;
  }
  if (settings.coop) {
    ctx.set("Cross-Origin-Opener-Policy", settings.coop === true ? "same-origin" : settings.coop);
  }
  if (prompt.name === "login") loginPage(ctx, base, params.login_hint);
  else consentPage(ctx, base, params);
}

function loginPage(ctx, base, login = "", error = undefined) {
  page(ctx, "Sign in", ...(error ? [{ name: "error", text: error }] : []), {
    html: `<form id="login" method="post" action="${base}/login" autocomplete="off">
<label>Login <input name="login" value="${escapeHTML(login)}" required></label>
<label>Password <input name="password" type="password" required></label>
<button type="submit">Sign in</button></form>
<form method="post" action="${base}/abort"><button type="submit">Cancel</button></form>`,
  });
}

function consentPage(ctx, base, params) {
  page(
    ctx,
    "Allow access?",
    { name: "client", text: params.client_id },
    { name: "scope", text: params.scope ?? "" },
    ...(params.resource ? [{ name: "resource", text: [params.resource].flat().join(" ") }] : []),
    {
      html: `<form method="post" action="${base}/confirm"><button type="submit">Allow</button></form>
<form method="post" action="${base}/abort"><button type="submit">Deny</button></form>`,
    },
  );
}

async function submit(ctx, provider, settings, details, step, base) {
  if (step === "abort") {
    return finish(ctx, provider, { error: "access_denied", error_description: "the person said no" }, false);
  }
  if (step === "confirm")
    return finish(ctx, provider, { consent: { grantId: await grantAll(provider, details) } }, true);
  const { login, password } = querystring.parse(ctx.req.body);
  const account = Object.hasOwn(settings.accounts, login) ? settings.accounts[login] : undefined;
  if (account?.password !== password) return loginPage(ctx, base, login, "wrong login or password");
  return finish(ctx, provider, { login: { accountId: account.sub, amr: ["pwd"] } }, false);
}

async function finish(ctx, provider, result, mergeWithLastSubmission) {
  ctx.status = 303;
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission }));
}

async function grantAll(provider, { grantId, session, params, prompt: { details } }) {
  const existing = grantId ? await provider.Grant.find(grantId) : undefined;
  const grant = existing ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(" "));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    grant.addResourceScope(indicator, scopes.join(" "));
  }
  return grant.save();
}
