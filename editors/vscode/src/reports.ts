// Read-only documents that say what the server knows: its state, why it said nothing, what the model sees.

import * as vscode from "vscode";

const SCHEME = "slm-lsp";

export interface Why {
  when: string;
  language: string;
  line: number;
  column: number;
  trigger: string;
  source: string;
  model: string;
  items: number;
  reason: string | null;
  stop: string | null;
  confidence: number | null;
  filters: { filter: string; removed: number; rejected: boolean }[];
  stages: { name: string; ms: number; detail: string }[];
  ms: number;
}

export interface Shown {
  family: string;
  tokens: { context: number; prefix: number; suffix: number };
  parts: { part: string; path: string; source: string; score: number; tokens: number; text: string }[];
  prompt: string;
}

export interface ServerStatus {
  version: string;
  state: string;
  message: string;
  model: string;
  device: string | null;
  snoozed: number;
  memory: number;
  engine: Record<string, string | number> | null;
  counters: {
    requests: number;
    shown: number;
    accepted: number;
    rejected: number;
    prefilled: number;
    ahead: number;
    decoded: number;
    sources: Record<string, number>;
    reasons: Record<string, number>;
  };
}

/** Shows texts under a name, each in a document of its own: VS Code may keep what an earlier one said. */
export class Reports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly registration = vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
    vscode.workspace.onDidCloseTextDocument((document) => this.texts.delete(document.uri.toString())),
  );
  private shown = 0;

  dispose(): void {
    this.registration.dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  async show(name: string, text: string): Promise<void> {
    this.shown += 1;
    const uri = vscode.Uri.from({ scheme: SCHEME, path: name, query: `${this.shown}` });
    this.texts.set(uri.toString(), text);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, {
      preview: true,
      preserveFocus: true,
      viewColumn: vscode.ViewColumn.Beside,
    });
  }
}

/** Say how the last request for a document was answered. */
export function whyText(why: Why): string {
  const answer = why.items ? `${why.items} shown` : `nothing shown: ${why.reason}`;
  const stages = why.stages.map((stage) => `- ${stage.name}: ${stage.ms.toFixed(1)} ms; ${stage.detail}`);
  const filters = why.filters.map(
    (one) => `- ${one.filter}: ${one.rejected ? "rejected it" : `cut ${one.removed} characters`}`,
  );
  return [
    `# ${answer}`,
    "",
    `- line ${why.line + 1}, column ${why.column + 1}, ${why.language}, ${why.trigger}, ${why.when}`,
    `- source: ${why.source}, after ${why.ms} ms${why.model && `, by ${why.model}`}`,
    ...(why.confidence === null ? [] : [`- chance of being right: ${percent(why.confidence)}`]),
    ...(why.stop ? [`- the text ended: ${why.stop}`] : []),
    "",
    ...section("Stages", stages),
    ...section("Filters that did something", filters),
  ].join("\n");
}

function section(title: string, lines: string[]): string[] {
  return lines.length ? [`## ${title}`, "", ...lines, ""] : [];
}

/** Say what the model sees at a place. */
export function contextText(shown: Shown): string {
  const { context, prefix, suffix } = shown.tokens;
  const parts = shown.parts.flatMap((one) => [
    `## ${one.part}: ${one.path}`,
    "",
    `from ${one.source}, score ${one.score}, ${one.tokens} tokens`,
    "",
    "```",
    one.text.trimEnd(),
    "```",
    "",
  ]);
  return [
    "# What the model sees here",
    "",
    `${context} tokens of context, ${prefix} before the cursor, ${suffix} after it; prompt format ${shown.family}`,
    "",
    ...parts,
    "## The whole prompt",
    "",
    "```",
    shown.prompt,
    "```",
    "",
  ].join("\n");
}

/** Say how the server is. */
export function statusText(status: ServerStatus, program: string | undefined): string {
  const { counters } = status;
  return [
    `# slm-lsp ${status.version}: ${status.state}`,
    "",
    `${status.message}`,
    "",
    `- program: ${program ?? "-"}`,
    `- model: ${status.model}`,
    ...Object.entries(status.engine ?? {}).map(([name, value]) => `- ${name}: ${value}`),
    `- memory: ${Math.round(status.memory / 1e6)} MB`,
    `- snoozed: ${status.snoozed} s`,
    `- requests: ${counters.requests}, shown: ${counters.shown}, accepted: ${counters.accepted}, rejected: ${counters.rejected}`,
    `- tokens read when asked: ${counters.prefilled}, ahead of need: ${counters.ahead}, written: ${counters.decoded}`,
    "",
    ...section("Where answers came from", counted(counters.sources)),
    ...section("Why nothing was shown", counted(counters.reasons)),
  ].join("\n");
}

function counted(counts: Record<string, number>): string[] {
  const rows = Object.entries(counts).sort(([, one], [, other]) => other - one);
  return rows.map(([name, count]) => `- ${name.replaceAll("_", " ")}: ${count}`);
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}
