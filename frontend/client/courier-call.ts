/** The widget and the labextension are bundles of their own; within a page they find each other by this event. */
const EVENT = "oidc-widget:connecting";

/**
 * Before a widget has anything to do with the vault: the labextension connects only when somebody needs it, and must be
 * there first. A token that the widget's own comm had to bring would wait for the end of a running cell.
 */
export async function callCourier(): Promise<void> {
  const coming: Promise<unknown>[] = [];
  dispatchEvent(new CustomEvent(EVENT, { detail: coming }));
  await Promise.all(coming);
}

/** The labextension's side. */
export function onCourierCall(come: () => Promise<unknown>): void {
  addEventListener(EVENT, (event) => (event as CustomEvent<Promise<unknown>[]>).detail.push(come()));
}
