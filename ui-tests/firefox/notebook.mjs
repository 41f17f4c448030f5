/** JupyterLab in a page of Firefox, and a notebook in it: what the tests need of `lab.py` and `notebook_page.py`. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Milliseconds that anything may take: two cores are shared by browser, server, kernels and provider. */
const PATIENCE = 30_000;

const PANEL = "[...jupyterapp.shell.widgets('main')].find((widget) => widget.context?.path === path)";
const REGION = '[role="region"][aria-label="OIDC sign-in"]';

let counter = 0;

/** Open JupyterLab, and wait until it stands. */
export async function openLab(context, servers) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  counter += 1;
  await page.goto(servers.lab.replace("/lab?", `/lab/workspaces/firefox-${counter}?`));
  await stands(page);
  return page;
}

async function stands(page) {
  await page.waitForFunction("globalThis.jupyterapp !== undefined");
  await page.evaluate("jupyterapp.restored.then(() => {})");
}

export class Notebook {
  constructor(page, path) {
    this.page = page;
    this.path = path;
  }

  /** Write a notebook of these code cells, open it in the page, and wait until its kernel is idle. */
  static async open(page, servers, cells) {
    counter += 1;
    const path = `firefox-${counter}.ipynb`;
    const document = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: "python3", display_name: "python3", language: "python" } },
      cells: cells.map((source, index) => ({
        id: `cell-${index}`,
        cell_type: "code",
        source,
        metadata: {},
        execution_count: null,
        outputs: [],
      })),
    };
    await writeFile(join(servers.root, path), JSON.stringify(document));
    await page.evaluate(
      "(path => jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'}).then(() => {}))" +
        `(${JSON.stringify(path)})`,
    );
    const notebook = new Notebook(page, path);
    await notebook.ready();
    return notebook;
  }

  /** Evaluate code that knows the notebook's `path`, its `panel` and `given`. */
  #evaluate(body, given = null) {
    const call = `(async (path, given) => { const panel = ${PANEL}; ${body} })`;
    return this.page.evaluate(`${call}(${JSON.stringify(this.path)}, ${JSON.stringify(given)})`);
  }

  async ready() {
    await this.page.waitForFunction(`((path) => ${PANEL} !== undefined)(${JSON.stringify(this.path)})`);
    await this.#evaluate("await panel.context.ready; await panel.sessionContext.ready;");
    await this.page.waitForFunction(
      `((path) => (${PANEL}).sessionContext.kernelDisplayStatus === 'idle')(${JSON.stringify(this.path)})`,
    );
  }

  /** Load the page anew; the notebook comes back. */
  async reload() {
    await this.#evaluate("await panel.context.save();");
    await this.page.reload();
    await stands(this.page);
    await this.ready();
  }

  /** Run a cell, and don't wait for its end. */
  start(index) {
    return this.#evaluate(
      `jupyterapp.shell.activateById(panel.id);
       while (jupyterapp.shell.currentWidget !== panel || !panel.isVisible) await new Promise(requestAnimationFrame);
       panel.content.deselectAll();
       panel.content.activeCellIndex = given;
       (globalThis.runsOfTheTest ??= new Map()).set(given, jupyterapp.commands.execute('notebook:run-cell'));`,
      index,
    );
  }

  /** Wait for the end of a cell that was started, and return the text that it put out. */
  async finish(index) {
    await this.#evaluate("await globalThis.runsOfTheTest.get(given);", index);
    return this.output(index);
  }

  async run(index) {
    await this.start(index);
    return this.finish(index);
  }

  async output(index) {
    const outputs = await this.#evaluate("return panel.content.widgets[given].model.outputs.toJSON();", index);
    return textOf(outputs);
  }

  /** Run code in the kernel without a cell, and return what it put out. */
  async execute(code) {
    const outputs = await this.#evaluate(
      `const future = panel.sessionContext.session.kernel.requestExecute({code: given, store_history: false});
       const outputs = [];
       future.onIOPub = ({header, content}) => {
         if (['stream', 'execute_result', 'error'].includes(header.msg_type)) {
           outputs.push({output_type: header.msg_type, ...content});
         }
       };
       await future.done;
       return outputs;`,
      code,
    );
    return textOf(outputs);
  }

  /** Wait until an expression prints this in the kernel, which is idle. */
  async expectKernel(expression, value) {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const found = await this.execute(`print(${expression})`);
      if (found === value) return;
      if (Date.now() > end) throw new Error(`${expression} is ${found}, not ${value}`);
      await this.page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))");
    }
  }

  /** What the notebook's widget shows. */
  text() {
    return this.#evaluate(`return panel.node.querySelector('${REGION}')?.innerText ?? '';`);
  }

  /** Wait until the notebook's widget shows this text. */
  async expectText(text) {
    try {
      await this.page.waitForFunction(
        `((path, text) => (${PANEL}).node.querySelector('${REGION}')?.innerText.includes(text))` +
          `(${JSON.stringify(this.path)}, ${JSON.stringify(text)})`,
      );
    } catch (cause) {
      throw new Error(`The widget shows ${JSON.stringify(await this.text())}, not ${JSON.stringify(text)}.`, { cause });
    }
  }

  /** Wait for the widget's button (or link) whose name starts so, and return it. */
  async control(name, tag = "button") {
    const find =
      `((path, name, tag) => [...((${PANEL}).node.querySelector('${REGION}')?.querySelectorAll(tag) ?? [])]` +
      ".find((control) => (control.ariaLabel ?? control.innerText).trim().startsWith(name) && control.checkVisibility()))" +
      `(${[this.path, name, tag].map((value) => JSON.stringify(value)).join(", ")})`;
    try {
      await this.page.waitForFunction(find);
    } catch (cause) {
      throw new Error(`There is no ${tag} ${name}; the widget shows ${JSON.stringify(await this.text())}.`, { cause });
    }
    return (await this.page.evaluateHandle(find)).asElement();
  }

  async click(name, tag) {
    await (await this.control(name, tag)).click();
  }

  /** Click what opens a window, and return the window. */
  async opened(name, tag) {
    const control = await this.control(name, tag);
    const known = this.page.browserContext().targets();
    // Not the page's own event "popup": a link opens a window that does not know its opener. Frames and workers are targets too.
    const target = this.page
      .browserContext()
      .waitForTarget((found) => found.type() === "page" && !known.includes(found), { timeout: PATIENCE });
    await control.click();
    return (await target).page();
  }
}

/** Sign in at the provider's page, and wait until the window is gone. */
export async function fillIn(popup, login = "alice") {
  popup.setDefaultTimeout(PATIENCE);
  await popup.waitForSelector('input[name="login"]');
  await popup.type('input[name="login"]', login);
  await popup.type('input[name="password"]', `${login}-password`);
  const closed = once(popup, "close", { signal: AbortSignal.timeout(PATIENCE) });
  await popup.click('button[type="submit"]');
  await closed;
}

function textOf(outputs) {
  return outputs
    .map((output) => [output.text ?? output.data?.["text/plain"] ?? output.traceback ?? ""].flat().join(""))
    .join("")
    .trimEnd();
}
