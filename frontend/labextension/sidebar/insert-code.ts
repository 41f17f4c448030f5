import { type INotebookTracker, NotebookActions } from "@jupyterlab/notebook";
import { cellSource } from "./cell-source.js";
import type { Choice } from "./choices.js";

/** Puts a sign-in cell below the active cell of the active notebook. */
export function insertCode(notebooks: INotebookTracker | null, choice: Choice): void {
  const panel = notebooks?.currentWidget;
  if (!panel) return;
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(cellSource(choice));
}
