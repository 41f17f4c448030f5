import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { Panel } from "@lumino/widgets";
import { element } from "../ui/elements.js";

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
  readonly #sentence: string;

  constructor(panel: NotebookPanel, sentence: string) {
    super();
    this.#panel = panel;
    this.#sentence = sentence;
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { model_id } = model.data[MIME_TYPE] as { model_id?: string };
    const lives = () => this.#panel.sessionContext.session?.kernel?.hasComm(model_id ?? "") === true;
    if (lives()) return this.#showWidget(model);
    const sentence = element("p", "oidc-widget oidc-saved");
    sentence.textContent = this.#sentence;
    this.node.replaceChildren(sentence);
    // After a reload the widget manager asks a kernel that runs on for its widgets: this one may be among them.
    const { iopubMessage, connectionStatusChanged } = this.#panel.sessionContext;
    const look = () => {
      if (!this.isDisposed && !lives()) return;
      iopubMessage.disconnect(look);
      connectionStatusChanged.disconnect(look);
      if (this.isDisposed) return;
      sentence.remove();
      void this.#showWidget(model);
    };
    iopubMessage.connect(look);
    connectionStatusChanged.connect(look);
  }

  async #showWidget(model: IRenderMime.IMimeModel): Promise<void> {
    const renderer = this.#panel.content.rendermime.createRenderer(WIDGET_VIEW);
    this.addWidget(renderer);
    await renderer.renderModel(model);
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
