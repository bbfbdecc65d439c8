// Where the program `slm-lsp` is: setting, the workspace's virtual environment, PATH, our own environment.

import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import * as vscode from "vscode";
import { ownSettings } from "./settings";

const WINDOWS = process.platform === "win32";
const ENVIRONMENTS = [".venv", "venv", "env"];

export class SetButMissing extends Error {}

/** Return a program's path within a virtual environment. */
export function within(environment: string, program: string): string {
  return WINDOWS ? join(environment, "Scripts", `${program}.exe`) : join(environment, "bin", program);
}

/** Return the folder of the environment that the extension makes. */
export function ownEnvironment(context: vscode.ExtensionContext): string {
  return join(context.globalStorageUri.fsPath, "environment");
}

/**
 * Return the server's program, or undefined if there is none.
 *
 * Throws `SetButMissing` if the setting names a program that is not there.
 */
export async function findServer(context: vscode.ExtensionContext): Promise<string | undefined> {
  const set = expanded(ownSettings().path);
  if (set) {
    if (await runnable(set)) {
      return set;
    }
    throw new SetButMissing(`The setting slm-lsp.server.path names ${set}, which is no program.`);
  }
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  const candidates = [
    ...folders.flatMap((folder) =>
      ENVIRONMENTS.map((name) => within(join(folder.uri.fsPath, name), "slm-lsp")),
    ),
    ...onPath("slm-lsp"),
    within(ownEnvironment(context), "slm-lsp"),
  ];
  return firstRunnable(candidates);
}

/** Return the first of some programs that is there. */
export async function firstRunnable(candidates: readonly string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    if (await runnable(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

/** Return where a program might be on PATH. */
export function onPath(program: string): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder);
  return folders.map((folder) => join(folder, WINDOWS ? `${program}.exe` : program));
}

async function runnable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function expanded(path: string): string {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  return path
    .trim()
    .replace(/^~(?=$|[/\\])/, homedir())
    .replaceAll("$" + "{workspaceFolder}", folder);
}
