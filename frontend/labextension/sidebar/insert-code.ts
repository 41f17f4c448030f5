import { type INotebookTracker, NotebookActions } from "@jupyterlab/notebook";
import { cellSource } from "./cell-source.js";
import type { Choice } from "./choices.js";

/** Puts a sign-in cell below the active cell of the active notebook, where the person sees it. */
export function insertCode(notebooks: INotebookTracker | null, choice: Choice): void {
  const panel = notebooks?.currentWidget;
  if (!panel) return;
  const { content } = panel;
  NotebookActions.insertBelow(content);
  content.activeCell?.model.sharedModel.setSource(cellSource(choice));
  void content.scrollToItem(content.activeCellIndex, "smart");
}
