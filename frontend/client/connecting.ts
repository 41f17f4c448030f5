/**
 * The widget and the labextension are bundles of their own; within a page they find each other by this event. The
 * labextension answers by what it has for the widget.
 */
const EVENT = "oidc-widget:connecting";

/** What the labextension of this page does for a widget. */
export interface Labextension {
  /** Connects, and ends when what the vault sends can reach kernels by their control channel. */
  deliver: () => Promise<unknown>;
  /** The texts in the page's language: `ITranslator`'s `__`. */
  translate: (text: string, ...values: (string | number)[]) => string;
}

/**
 * Before a widget has anything to do with the vault: the labextension connects only when somebody needs it, and must be
 * there first. A token that the widget's own comm had to bring would wait for the end of a running cell.
 */
export function findLabextension(): Labextension | undefined {
  const found: Labextension[] = [];
  dispatchEvent(new CustomEvent(EVENT, { detail: found }));
  return found[0];
}

/** The labextension's side. */
export function onWidget(answer: () => Labextension): void {
  addEventListener(EVENT, (event) => (event as CustomEvent<Labextension[]>).detail.push(answer()));
}
