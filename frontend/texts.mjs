/**
 * The texts that go through JupyterLab's translator, found by their types: what is passed to a `Translate` or to `__`, and what
 * begins a `Sentence`. `node frontend/texts.mjs` holds the catalogues of `src/oidc_widget/locale/` against them and fails where one
 * lacks a text or has one too many; `--write` puts in what is lacking, without a translation, and takes out what is gone.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const LOCALES = "src/oidc_widget/locale";

/** Whether a type is `Sentence`, or a union with it: a tuple whose first element is named `text`. */
function isSentence(type) {
  if (type.isUnion()) return type.types.some(isSentence);
  const [first] = type.target?.labeledElementDeclarations ?? [];
  return first?.name?.text === "text";
}

/** Whether a call is one of a translator: `translate(text, …)` or `trans.__(msgid, …)`. */
function isTranslation(checker, call) {
  const [first] = checker.getResolvedSignature(call)?.parameters ?? [];
  return first?.name === "msgid" || (first?.name === "text" && /translate$/i.test(call.expression.getText()));
}

/** The literals that an expression may be. */
function literals(node) {
  if (!node) return [];
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isConditionalExpression(node)) return [...literals(node.whenTrue), ...literals(node.whenFalse)];
  if (ts.isBinaryExpression(node)) return [...literals(node.left), ...literals(node.right)];
  return [];
}

function textsOf(program) {
  const checker = program.getTypeChecker();
  const texts = new Set();
  const visit = (node) => {
    if (ts.isCallExpression(node) && isTranslation(checker, node)) {
      for (const text of literals(node.arguments[0])) texts.add(text);
    }
    if (ts.isArrayLiteralExpression(node)) {
      const type = checker.getContextualType(node);
      if (type && isSentence(type)) for (const text of literals(node.elements[0])) texts.add(text);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of program.getSourceFiles()) {
    if (/(^|\/)frontend\//.test(file.fileName) && !/\.test\.ts$|\/testing\//.test(file.fileName)) visit(file);
  }
  // A text of placeholders alone says nothing in any language.
  return [...texts].filter((text) => /\p{L}/u.test(text.replace(/%\d/g, ""))).sort();
}

const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile("tsconfig.json", ts.sys.readFile).config,
  ts.sys,
  ".",
);
const texts = textsOf(ts.createProgram(fileNames, options));
for (const locale of readdirSync(LOCALES)) {
  const file = `${LOCALES}/${locale}/LC_MESSAGES/oidc_widget.json`;
  const { "": head, ...catalogue } = JSON.parse(readFileSync(file, "utf-8"));
  const lacking = texts.filter((text) => !catalogue[text]?.[0]);
  const gone = Object.keys(catalogue).filter((text) => !texts.includes(text));
  if (process.argv.includes("--write")) {
    const all = texts.map((text) => [text, catalogue[text] ?? [""]]);
    writeFileSync(file, `${JSON.stringify({ "": head, ...Object.fromEntries(all) }, null, 2)}\n`);
  }
  for (const text of lacking) console.error(`${locale} lacks: ${text}`);
  for (const text of gone) console.error(`${locale} has, and nobody says: ${text}`);
  if (lacking.length || gone.length) process.exitCode = 1;
}
