// What runs in a browser without a machine behind it: the server is a program, so all that is left is to say so.

import * as vscode from "vscode";

const MESSAGE =
  "slm-lsp runs a language model on the machine that has the files, which a browser alone can't do. " +
  "Open the folder in VS Code on that machine, or in a remote window.";

export function activate(context: vscode.ExtensionContext): void {
  const say = (): void => {
    void vscode.window.showInformationMessage(MESSAGE);
  };
  const item = vscode.window.createStatusBarItem("slm-lsp", vscode.StatusBarAlignment.Right);
  item.name = "slm-lsp";
  item.text = "$(circle-slash) slm-lsp";
  item.tooltip = MESSAGE;
  item.command = "slmLsp.menu";
  item.show();
  const contributed: { command: string }[] = context.extension.packageJSON.contributes.commands;
  const commands = contributed.map(({ command }) => vscode.commands.registerCommand(command, say));
  context.subscriptions.push(item, ...commands);
  say();
}
