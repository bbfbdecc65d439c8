// The extension: a server for the window, an item in the status bar, and commands.

import * as vscode from "vscode";
import { Commands } from "./commands";
import { Installer } from "./install";
import { Session } from "./session";
import { StatusBar } from "./statusBar";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("slm-lsp", { log: true });
  const status = new StatusBar();
  const installer = new Installer(context, log);
  const started = new Session(
    context,
    log,
    status,
    () => void commands.install(),
    (reason) => void commands.offerModel(reason),
  );
  const commands = new Commands(context, log, status, started, installer);
  session = started;
  context.subscriptions.push(log, status, started, commands, follow(started), restartWhenNeeded(started));
  void started.restart();
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}

/** Milliseconds after which a cursor that has not moved rests. */
const REST = 100;

/** Tell the server which document has the focus, whether text is selected in it, and where the cursor rests. */
function follow(session: Session): vscode.Disposable {
  let told = "";
  let timer: NodeJS.Timeout | undefined;
  const tell = (editor: vscode.TextEditor | undefined): void => {
    if (!editor) {
      return;
    }
    const uri = session.uri(editor.document);
    const selecting = !editor.selection.isEmpty;
    if (told !== `${selecting} ${uri}`) {
      told = `${selecting} ${uri}`;
      void session.ask("slm-lsp.focus", uri, selecting);
    }
    clearTimeout(timer);
    if (!selecting) {
      const { line, character } = editor.selection.active;
      timer = setTimeout(() => void session.ask("slm-lsp.cursor", uri, { line, character }), REST);
    }
  };
  return vscode.Disposable.from(
    { dispose: () => clearTimeout(timer) },
    vscode.window.onDidChangeActiveTextEditor(tell),
    vscode.window.onDidChangeTextEditorSelection((event) => tell(event.textEditor)),
  );
}

/** What the server is, and what it may index, is settled when it starts. */
function restartWhenNeeded(session: Session): vscode.Disposable {
  const settled = [
    "slm-lsp.server.path",
    "slm-lsp.server.arguments",
    "slm-lsp.index",
    "slm-lsp.completionPopup",
  ];
  return vscode.Disposable.from(
    vscode.workspace.onDidGrantWorkspaceTrust(() => void session.restart()),
    // A server may be in the environment of a folder that comes late, or have been installed meanwhile.
    vscode.workspace.onDidChangeWorkspaceFolders(() => void session.retry()),
    vscode.window.onDidChangeWindowState(({ focused }) => focused && void session.retry()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (settled.some((name) => event.affectsConfiguration(name))) {
        void session.restart();
      }
    }),
  );
}
