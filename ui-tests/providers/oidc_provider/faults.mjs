/**
 * Bad luck at an endpoint: `settings.faults[endpoint] = {kind, times, grant_type, …}`.
 *
 * kind `status`: answer with `status` (500), `body` (""; an object is sent as JSON) and `content_type`
 * kind `html`: a gateway's page with status 200
 * kind `redirect`: 302 to `location`
 * kind `hang`: no answer until the faults change, then the connection is cut
 * kind `refuse`: the connection is cut at once
 * kind `delay`: wait `seconds`, then go on as usual
 *
 * Only the first `times` requests meet it (all, if not given), and of those only ones with this `grant_type`. `cors: false`
 * leaves the CORS headers away, as gateways do; then a browser cannot read the answer.
 */
import { setTimeout as sleep } from "node:timers/promises";

const GATEWAY_PAGE = "<!doctype html><title>Gateway</title><h1>Something in between answers with a page</h1>";

export function faults(settings) {
  return async (ctx, next) => {
    const fault = take(settings.faults[ctx.state.endpoint], ctx.state.params);
    switch (fault?.kind) {
      case undefined:
        return next();
      case "delay":
        await sleep(fault.seconds * 1000);
        return next();
      case "hang":
        await changed(settings, ctx.req);
        return cut(ctx);
      case "refuse":
        return cut(ctx);
      case "redirect":
        allow(ctx, fault);
        return ctx.redirect(fault.location);
      case "html":
        return answer(ctx, { status: 200, body: GATEWAY_PAGE, content_type: "text/html", ...fault });
      case "status":
        return answer(ctx, { status: 500, body: "", ...fault });
      default:
        throw new TypeError(`no such fault: ${fault.kind}`);
    }
  };
}

function take(fault, params) {
  if (!fault || (fault.grant_type && fault.grant_type !== params.grant_type)) return undefined;
  if (fault.times === undefined || fault.times === null) return fault;
  if (fault.times <= 0) return undefined;
  fault.times -= 1;
  return fault;
}

function answer(ctx, fault) {
  allow(ctx, fault);
  ctx.status = fault.status;
  ctx.body = fault.body;
  if (fault.content_type) ctx.type = fault.content_type;
  ctx.set(fault.headers ?? {});
}

function allow(ctx, { cors = true }) {
  if (cors) ctx.set("Access-Control-Allow-Origin", ctx.get("Origin") || "*");
}

function cut(ctx) {
  ctx.respond = false;
  ctx.req.socket.destroy();
}

function changed(settings, req) {
  return new Promise((resolve) => {
    settings.changed.addEventListener("change", resolve, { once: true });
    req.socket.once("close", resolve);
  });
}
