import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { Panel, type Widget } from "@lumino/widgets";
import { element } from "../../view/elements.js";

/** A widget's output says under this type which model it shows (`OIDCLogin._repr_mimebundle_`). */
const MIME_TYPE = "application/vnd.oidc-widget.sign-in+json";
const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
/** Before the widget view's own rank. */
const RANK = -20;

/**
 * Shows a widget while its kernel has it, and else a sentence: a saved notebook, or one whose kernel was restarted, has
 * the output of a widget that is no more, of which the widget manager only says that it is loading, or not found.
 */
class SignInOutput extends Panel implements IRenderMime.IRenderer {
  readonly #panel: NotebookPanel;
  readonly #sentence: HTMLElement;
  #shown?: Widget;

  constructor(panel: NotebookPanel, sentence: string) {
    super();
    this.#panel = panel;
    this.#sentence = element("p", "oidc-widget oidc-saved");
    this.#sentence.textContent = sentence;
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { sessionContext } = this.#panel;
    // After a reload the widget manager asks a kernel that runs on for its widgets; a restart ends them all.
    const signals = [sessionContext.iopubMessage, sessionContext.connectionStatusChanged, sessionContext.statusChanged];
    const look = () => void this.#look(model);
    for (const signal of signals) signal.connect(look);
    this.disposed.connect(() => {
      for (const signal of signals) signal.disconnect(look);
    });
    await this.#look(model);
  }

  async #look(model: IRenderMime.IMimeModel): Promise<void> {
    const { model_id } = model.data[MIME_TYPE] as { model_id?: string };
    const lives = this.#panel.sessionContext.session?.kernel?.hasComm(model_id ?? "") === true;
    if (!lives) {
      this.#shown?.dispose();
      this.#shown = undefined;
      this.node.replaceChildren(this.#sentence);
    } else if (!this.#shown) {
      const renderer = this.#panel.content.rendermime.createRenderer(WIDGET_VIEW);
      this.#shown = renderer;
      this.#sentence.remove();
      this.addWidget(renderer);
      await renderer.renderModel(model);
    }
  }
}

export const output: JupyterFrontEndPlugin<void> = {
  id: "oidc-widget:output",
  description: "Says what to do where a notebook has the output of a widget that is no more.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, notebooks: INotebookTracker, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load("oidc_widget");
    const sentence = trans.__(
      "A sign-in button stood here. Run this cell to sign in; nothing of a sign-in is kept in this file.",
    );
    notebooks.widgetAdded.connect((_, panel) => {
      panel.content.rendermime.addFactory(
        { safe: true, mimeTypes: [MIME_TYPE], createRenderer: () => new SignInOutput(panel, sentence) },
        RANK,
      );
    });
  },
};
