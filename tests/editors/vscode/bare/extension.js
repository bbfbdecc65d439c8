// Suggests a word and no more, with neither a server nor a model: what is left of a key's time is VS Code's own.
const { appendFileSync } = require("node:fs");
const vscode = require("vscode");

/** Milliseconds after a key at which the answer comes, as from a model; VS Code asks after 50. */
const ANSWERS_AFTER = 150;

const now = () => performance.timeOrigin + performance.now();

exports.activate = (context) => {
  let told = 0;
  let words = 0;
  const suggest = async () => {
    const asked = told;
    await new Promise((resolve) => setTimeout(resolve, ANSWERS_AFTER - (now() - asked)));
    words += 1;
    setTimeout(
      (entry) => appendFileSync(process.env.BARE_LOG, `${JSON.stringify(entry)}\n`),
      ANSWERS_AFTER,
      { items: true, asked, answered: now() },
    );
    return [new vscode.InlineCompletionItem(`word${words}`)];
  };
  context.subscriptions.push(
    vscode.workspace.onDidChangeTextDocument(() => {
      told = now();
    }),
    vscode.languages.registerInlineCompletionItemProvider("python", { provideInlineCompletionItems: suggest }),
  );
};
