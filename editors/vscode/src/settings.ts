// The settings of the server and of the extension, as the user and, if it is trusted, the workspace have them.

import * as vscode from "vscode";

export const SECTION = "slm-lsp";

/** Names below the section that are the extension's own; the server would report them as unknown. */
const OWN = ["server", "trace"];

export interface OwnSettings {
  path: string;
  arguments: string[];
  python: string;
  installArguments: string[] | null;
}

/** Return what the server is sent. A window in restricted mode has no index of its workspace. */
export function serverSettings(): Record<string, unknown> {
  const all: Record<string, unknown> = { ...vscode.workspace.getConfiguration().get(SECTION, {}) };
  const sent = Object.fromEntries(Object.entries(all).filter(([name]) => !OWN.includes(name)));
  return vscode.workspace.isTrusted ? sent : { ...sent, index: false };
}

export function ownSettings(): OwnSettings {
  const server = vscode.workspace.getConfiguration(`${SECTION}.server`);
  return {
    path: server.get("path", ""),
    arguments: server.get("arguments", []),
    python: server.get("python", ""),
    installArguments: server.get<string[] | null>("installArguments", null),
  };
}

export function isEnabled(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get("enabled", true);
}

export function disabledLanguages(): string[] {
  return vscode.workspace.getConfiguration(SECTION).get("disabledLanguages", []);
}

/** Change a setting of the server where it is set: in the workspace if it is set there, else for the user. */
export async function change(name: string, value: unknown): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION);
  const inWorkspace = configuration.inspect(name)?.workspaceValue !== undefined;
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await configuration.update(name, value, target);
}
