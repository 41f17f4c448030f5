import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { Panel, type Widget } from "@lumino/widgets";
import { element } from "../../view/elements.js";

/** A widget's output says under this type which model it shows (`OIDCLogin._repr_mimebundle_`). */
const MIME_TYPE = "application/vnd.oidc-widget.sign-in+json";
const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
/** What shows an anywidget. */
const ANYWIDGET = "anywidget:plugin";
/** Before the widget view's own rank. */
const RANK = -20;

/** What stands in place of a widget that can't be shown. */
type Sentences = Record<"gone" | "noWidgets", string>;

/**
 * Shows a widget while its kernel has it, and else a sentence: a saved notebook, or one whose kernel was restarted, has
 * the output of a widget that is no more, of which the widget manager only says that it is loading, or not found.
 */
class SignInOutput extends Panel implements IRenderMime.IRenderer {
  readonly #panel: NotebookPanel;
  readonly #notebooks: INotebookTracker;
  readonly #sentences: Sentences;
  readonly #canShow: () => boolean;
  readonly #sentence = element("p", "oidc-widget oidc-saved");
  #shown?: Widget;

  constructor(panel: NotebookPanel, notebooks: INotebookTracker, sentences: Sentences, canShow: () => boolean) {
    super();
    this.#panel = panel;
    this.#notebooks = notebooks;
    this.#sentences = sentences;
    this.#canShow = canShow;
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
    const owner = this.#canShow() ? this.#ownerOf(model_id ?? "") : undefined;
    if (!owner) {
      this.#shown?.dispose();
      this.#shown = undefined;
      this.#sentence.textContent = this.#sentences[this.#canShow() ? "gone" : "noWidgets"];
      this.node.replaceChildren(this.#sentence);
    } else if (!this.#shown) {
      const renderer = owner.content.rendermime.createRenderer(WIDGET_VIEW);
      this.#shown = renderer;
      this.#sentence.remove();
      this.addWidget(renderer);
      await renderer.renderModel(model);
    }
  }

  /** Of several notebooks on one kernel, JupyterLab gives the kernel's comms to one, which can show it in the others. */
  #ownerOf(modelId: string): NotebookPanel | undefined {
    const kernelOf = ({ sessionContext }: NotebookPanel) => sessionContext.session?.kernel;
    const own = kernelOf(this.#panel)?.id;
    return this.#notebooks.find((panel) => {
      const kernel = kernelOf(panel);
      return kernel !== null && kernel !== undefined && kernel.id === own && kernel.hasComm(modelId);
    });
  }
}

export const output: JupyterFrontEndPlugin<void> = {
  id: "oidc-widget:output",
  description: "Says what to do where a notebook has the output of a widget that is no more.",
  autoStart: true,
  // There are none on a page that lists files, or that shows a notebook without its code (Voilà).
  optional: [INotebookTracker, ITranslator],
  activate: (app: JupyterFrontEnd, notebooks: INotebookTracker | null, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load("oidc_widget");
    const sentences: Sentences = {
      gone: trans.__(
        "A sign-in button stood here. Run this cell to sign in; nothing of a sign-in is kept in this file.",
      ),
      noWidgets: trans.__(
        "This JupyterLab can't show widgets, so there is no sign-in button here. Install oidc-widget also where the Jupyter server runs (pip install oidc-widget), restart it, and reload this page.",
      ),
    };
    notebooks?.widgetAdded.connect((_, panel) => {
      const { rendermime } = panel.content;
      const canShow = () => rendermime.getFactory(WIDGET_VIEW) !== undefined && app.hasPlugin(ANYWIDGET);
      rendermime.addFactory(
        {
          safe: true,
          mimeTypes: [MIME_TYPE],
          createRenderer: () => new SignInOutput(panel, notebooks, sentences, canShow),
        },
        RANK,
      );
    });
  },
};
