import type { Problem } from "../../oauth/errors.js";
import { type Link, tokenOf } from "../links/link.js";
import { shownOf, stateOf } from "../links/link-state.js";
import type { Delivery, LinkState } from "../messages.js";
import type { Deliveries } from "./delivery.js";

export interface PublisherContext {
  /** A kernel has taken a message of this link. */
  brought(link: Link): void;
  /** The kernel has signed out while nobody could tell the vault. */
  signedOut(link: Link): void;
  /** Nobody shows the link, and its kernel does not know it any more. */
  lost(link: Link): void;
}

/**
 * Says of a link what there is to say: to its pages all of it, to its kernel what has changed for it. The kernel's comes
 * first: it passes through a page's thread too, which what is shown would hold up for as long as drawing takes.
 */
export interface Publisher {
  publish(...links: Link[]): void;
  deliver(link: Link, event: Delivery["event"], payload: Record<string, unknown>): Promise<void>;
}

export function createPublisher(vaultId: string, deliveries: Deliveries, context: PublisherContext): Publisher {
  /** Of all links: one that was let go of and made anew goes on, or its kernel took its messages for copies. */
  let seq = 0;

  function publish(...links: Link[]): void {
    const states = links.map((link) => ({ link, state: stateOf(link) }));
    for (const { link, state } of states) {
      if (link.forKernel) publishToKernel(link, state);
    }
    for (const { link, state } of states) {
      for (const port of link.ports) port.postMessage({ type: "state", link_id: link.id, state });
    }
  }

  function publishToKernel(link: Link, state: LinkState): void {
    const { session, told } = link;
    const token = tokenOf(link);
    const { status, error, warning } = state;
    const [serial, before] = [token?.serial, told.serial];
    link.told = { serial, shown: shownOf(state) };
    if (token && session && serial !== before) {
      void deliver(link, "token", {
        access_token: token.value,
        expires_in: session.secondsLeft(token),
        lifetime: token.lifetime,
        claims: session.claims,
        account: session.account,
        session: session.id,
        ...(link.options.share_id_token && { id_token: session.idToken }),
      });
    } else if (serial !== before || link.told.shown !== told.shown) {
      // `ended`: the token that this vault brought is over; else the kernel keeps one that came from elsewhere.
      const ended = before !== undefined && serial === undefined;
      void deliver(link, "status", { status, error: forKernel(error), warning: forKernel(warning), ended });
    }
  }

  async function deliver(link: Link, event: Delivery["event"], payload: Record<string, unknown>): Promise<void> {
    if (!link.forKernel) return;
    seq += 1;
    link.seq = seq;
    link.heard = false;
    const message = { link_id: link.id, event, payload: { ...payload, seq, vault: vaultId } };
    const { kernelId, ports, reached, seq: own } = link;
    const { result, place, signed_out } = await deliveries.send(message, { kernelId, comms: ports, reached });
    if (result === "delivered") {
      link.heard = own === link.seq;
      link.reached = true;
      link.place = place ?? link.place;
      context.brought(link);
      if (signed_out) context.signedOut(link);
    } else if (ports.size === 0) {
      link.told = { shown: "" }; // said again as soon as there is somebody to bring it
      if (result === "not_mine") context.lost(link);
    }
  }

  return { publish, deliver };
}

/** A kernel has no use for what a page translates. */
export function forKernel(problem: Problem | undefined): Problem | undefined {
  if (!problem) return undefined;
  const { sentences: _, ...rest } = problem;
  return rest;
}
