// Asks the server at once when a key is pressed: VS Code itself waits for 50 ms, in which the model can begin.

import * as vscode from "vscode";

type Suggestions = vscode.ProviderResult<vscode.InlineCompletionItem[] | vscode.InlineCompletionList>;

interface Asked {
  document: vscode.TextDocument;
  version: number;
  position: vscode.Position;
  answer: Suggestions;
  calledOff: vscode.CancellationTokenSource;
}

/** Keeps the request that was made at the last key, for when VS Code asks the same. */
export class Early implements vscode.Disposable {
  private asked: Asked | undefined;
  private readonly listener = vscode.workspace.onDidChangeTextDocument((event) => {
    this.callOff();
    const position = typedUpTo(event);
    if (position) {
      // The language client has told of the change by then.
      const { version } = event.document;
      setTimeout(() => this.ask(event.document, version, position), 0);
    }
  });

  /** `provider` is what VS Code will ask about a document. */
  constructor(
    private readonly provider: (
      document: vscode.TextDocument,
    ) => vscode.InlineCompletionItemProvider | undefined,
  ) {}

  dispose(): void {
    this.callOff();
    this.listener.dispose();
  }

  /** Return the answer to what VS Code asks, if it was asked for at the last key; what was asked else is called off. */
  take(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Suggestions | undefined {
    const { asked } = this;
    if (
      asked?.document !== document ||
      asked.version !== document.version ||
      !asked.position.isEqual(position) ||
      context.triggerKind !== vscode.InlineCompletionTriggerKind.Automatic ||
      context.selectedCompletionInfo
    ) {
      this.callOff();
      return undefined;
    }
    this.asked = undefined;
    token.onCancellationRequested(() => asked.calledOff.cancel());
    return asked.answer;
  }

  private ask(document: vscode.TextDocument, version: number, position: vscode.Position): void {
    const provider = document.version === version && this.provider(document);
    if (!provider) {
      return;
    }
    const context = {
      triggerKind: vscode.InlineCompletionTriggerKind.Automatic,
      selectedCompletionInfo: undefined,
    };
    const calledOff = new vscode.CancellationTokenSource();
    const answer = provider.provideInlineCompletionItems(document, position, context, calledOff.token);
    this.asked = { document, version, position, answer, calledOff };
  }

  private callOff(): void {
    this.asked?.calledOff.cancel();
    this.asked = undefined;
  }
}

/** Return where the cursor is after a change, if that is one by typing to which VS Code will ask. */
function typedUpTo(event: vscode.TextDocumentChangeEvent): vscode.Position | undefined {
  const editor = vscode.window.activeTextEditor;
  const [change, more] = event.contentChanges;
  if (
    editor?.document !== event.document ||
    editor.selections.length > 1 ||
    !change ||
    more ||
    event.reason
  ) {
    return undefined;
  }
  const { document } = event;
  // Changes of notebooks are told of later.
  const enabled = vscode.workspace.getConfiguration("editor", document).get("inlineSuggest.enabled", true);
  if (!enabled || document.uri.scheme === "vscode-notebook-cell") {
    return undefined;
  }
  return document.positionAt(change.rangeOffset + change.text.length);
}
