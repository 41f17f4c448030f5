import type { Choice } from "./choices.js";

/** What the panel asks of the application around it. */
export interface PanelActions {
  /** The notebook that code would be put into has its name here; `null`: there is none. */
  activeNotebook(): string | null;
  insertCode(choice: Choice): void;
  goTo(path: string): void;
  openSettings(): void;
}
