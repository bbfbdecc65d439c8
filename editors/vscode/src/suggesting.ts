// What happens between VS Code and the server when a suggestion is asked for, and what becomes of it.

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { Early } from "./early";
import { serverSettings } from "./settings";
import type { StatusBar } from "./statusBar";

type Suggestions = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;

/** Keeps what was last offered, so that the server can be told when it is dismissed. */
export class Suggesting implements vscode.Disposable {
  private offered: { uri: string; id: string } | undefined;
  private readonly early: Early;

  /** `provider` is the language client's, for a document. */
  constructor(
    private readonly status: StatusBar,
    provider: (document: vscode.TextDocument) => vscode.InlineCompletionItemProvider | undefined,
  ) {
    this.early = new Early(provider);
  }

  readonly middleware: Middleware = {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      if (inDiff(document)) {
        return null;
      }
      const asked = this.early.take(document, position, context, token);
      if (asked) {
        return asked;
      }
      const done = this.status.working();
      const started = performance.now();
      let answer: Suggestions;
      try {
        answer = await next(document, position, context, token);
      } finally {
        done(answer && !token.isCancellationRequested ? performance.now() - started : undefined);
      }
      if (!token.isCancellationRequested) {
        this.offered = offer(document, answer);
      }
      return answer;
    },
    workspace: {
      configuration: (params) => params.items.map(() => serverSettings()),
    },
  };

  dispose(): void {
    this.early.dispose();
  }

  /** Return the id of what was last offered in a document, once. */
  take(document: vscode.TextDocument): string | undefined {
    const { offered } = this;
    this.offered = undefined;
    return offered?.uri === document.uri.toString() ? offered.id : undefined;
  }
}

function offer(document: vscode.TextDocument, answer: Suggestions): { uri: string; id: string } | undefined {
  const items = Array.isArray(answer) ? answer : answer?.items;
  const id: unknown = items?.[0]?.command?.arguments?.[0];
  return typeof id === "string" ? { uri: document.uri.toString(), id } : undefined;
}

/** Whether a document is shown in a diff editor that has the focus: there one reads, or reviews. */
function inDiff(document: vscode.TextDocument): boolean {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const uri = document.uri.toString();
  return (
    input instanceof vscode.TabInputTextDiff &&
    (input.modified.toString() === uri || input.original.toString() === uri)
  );
}
