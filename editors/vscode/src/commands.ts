// The commands of the palette and of the status bar's menu.

import * as vscode from "vscode";
import { findServer } from "./finding";
import type { Installer } from "./install";
import {
  contextText,
  Reports,
  type ServerStatus,
  type Shown,
  statusText,
  type Why,
  whyText,
} from "./reports";
import { type Output, ProgramFailed, run } from "./run";
import type { Session } from "./session";
import { change, disabledLanguages, isEnabled, SECTION } from "./settings";
import type { StatusBar } from "./statusBar";

const SNOOZES = [5, 30, 60];

interface Listed {
  models: {
    name: string;
    title: string;
    parameters: number;
    licence: string;
    fetched: boolean;
    converted: boolean;
  }[];
}

interface Pick extends vscode.QuickPickItem {
  act: () => unknown;
}

export class Commands implements vscode.Disposable {
  private readonly reports = new Reports();
  private readonly disposables: vscode.Disposable[] = [this.reports];

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly status: StatusBar,
    private readonly session: Session,
    private readonly installer: Installer,
  ) {
    const commands: Record<string, (argument?: unknown) => unknown> = {
      trigger: () => vscode.commands.executeCommand("editor.action.inlineSuggest.trigger"),
      dismiss: () => this.dismiss(),
      toggle: () => change("enabled", !isEnabled()),
      toggleLanguage: () => this.toggleLanguage(),
      snooze: (minutes) => (typeof minutes === "number" ? this.snooze(minutes) : this.pickSnooze()),
      why: () => this.why(),
      context: () => this.showContext(),
      status: () => this.showStatus(),
      statistics: () => this.program("statistics.txt", ["stats"]),
      doctor: () => this.program("doctor.txt", ["doctor", "--model", configuredModel()]),
      pickModel: () => this.pickModel(),
      restart: () => this.session.restart(),
      install: () => this.install(),
      log: () => this.log.show(),
      menu: () => this.menu(),
    };
    for (const [name, act] of Object.entries(commands)) {
      this.disposables.push(vscode.commands.registerCommand(`slmLsp.${name}`, act));
    }
  }

  dispose(): void {
    for (const one of this.disposables) {
      one.dispose();
    }
  }

  /** Offer to install the server, and start it if that was done. */
  async install(): Promise<void> {
    if (await this.installer.offer()) {
      await this.session.restart();
    }
  }

  /** Say that there is no model, and offer what may help: fetching it if it is one that can be, or the doctor. */
  async offerModel(reason: string): Promise<void> {
    const model = configuredModel();
    const program = await findServer(this.context);
    const listed = program && (await this.list(program))?.models.find((one) => one.name === model);
    const fetch = "Fetch It";
    const doctor = "Run the Doctor";
    const fetchable = listed && !listed.fetched && !listed.converted;
    const chosen = await vscode.window.showErrorMessage(
      `slm-lsp: ${reason}`,
      ...(fetchable ? [fetch] : []),
      doctor,
    );
    if (chosen === fetch && program && (await this.installer.pull(program, model))) {
      await this.session.restart();
    } else if (chosen === doctor) {
      await vscode.commands.executeCommand("slmLsp.doctor");
    }
  }

  private async dismiss(): Promise<void> {
    await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    const document = vscode.window.activeTextEditor?.document;
    const offered = document && this.session.suggesting.take(document);
    if (offered) {
      await this.session.ask("slm-lsp.rejected", offered);
    }
  }

  private async toggleLanguage(): Promise<void> {
    const language = vscode.window.activeTextEditor?.document.languageId;
    if (!language) {
      say("slm-lsp: open a file first; the command turns suggestions on or off for its language.");
      return;
    }
    const off = disabledLanguages();
    const others = off.filter((one) => one !== language);
    await change("disabledLanguages", others.length < off.length ? others : [...off, language]);
  }

  private async snooze(minutes: number): Promise<void> {
    await this.session.ask("slm-lsp.snooze", minutes);
    this.status.snoozed(60 * minutes);
  }

  private async pickSnooze(): Promise<void> {
    const picks: Pick[] = SNOOZES.map((minutes) => ({
      label: `${minutes} minutes`,
      act: () => this.snooze(minutes),
    }));
    if (this.status.snooze) {
      picks.unshift({ label: "End the snooze", act: () => this.snooze(0) });
    }
    await pick(picks, "Suggest nothing by itself for");
  }

  private async why(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    const why = document && (await this.session.ask<Why | null>("slm-lsp.why", this.session.uri(document)));
    if (why) {
      await this.reports.show("why.md", whyText(why));
    } else {
      say("slm-lsp: nothing was asked for this file yet.");
    }
  }

  private async showContext(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      say("slm-lsp: open a file first.");
      return;
    }
    const { line, character } = editor.selection.active;
    try {
      const uri = this.session.uri(editor.document);
      const shown = await this.session.ask<Shown>("slm-lsp.context", uri, { line, character });
      if (shown) {
        await this.reports.show("context.md", contextText(shown));
      }
    } catch (error) {
      say(`slm-lsp: ${(error as Error).message}`);
    }
  }

  private async showStatus(): Promise<void> {
    const status = await this.session.ask<ServerStatus>("slm-lsp.status");
    if (status) {
      await this.reports.show("status.md", statusText(status, await findServer(this.context)));
    } else {
      say("slm-lsp: the server is not running; the log says why.");
    }
  }

  /** Run a command of the server's program to its end, and show what it prints. */
  private async program(report: string, args: string[]): Promise<void> {
    const output = await this.output(args);
    if (output) {
      await this.reports.show(report, `${output.stdout}${output.stdout ? "\n" : ""}${output.stderr}`);
    }
  }

  private async output(args: string[]): Promise<Output | undefined> {
    try {
      const program = await findServer(this.context);
      if (!program) {
        await this.install();
        return undefined;
      }
      const options = { location: vscode.ProgressLocation.Window, title: `slm-lsp ${args[0]}` };
      return await vscode.window.withProgress(options, () => run(this.log, program, args));
    } catch (error) {
      say(`slm-lsp: ${(error as Error).message}`);
      return undefined;
    }
  }

  private async list(program: string): Promise<Listed | undefined> {
    try {
      const { ok, stdout } = await run(this.log, program, ["models", "list", "--json"]);
      return ok ? JSON.parse(stdout) : undefined;
    } catch (error) {
      if (error instanceof ProgramFailed || error instanceof SyntaxError) {
        this.log.warn(error.message);
        return undefined;
      }
      throw error;
    }
  }

  private async pickModel(): Promise<void> {
    const program = await findServer(this.context);
    const listed = program ? await this.list(program) : undefined;
    if (!program || !listed) {
      say("slm-lsp: the server's models could not be listed; the log says why.");
      return;
    }
    const current = configuredModel();
    const picks: Pick[] = listed.models.map((model) => {
      const there = model.fetched || model.converted;
      return {
        label: `${model.name === current ? "$(check) " : ""}${model.name}`,
        description: `${Math.round(model.parameters / 1e6)} M parameters, ${model.licence}${there ? "" : ", to be fetched"}`,
        detail: model.title,
        act: async () => {
          if (there || (await this.installer.pull(program, model.name))) {
            await change("model", model.name);
          }
        },
      };
    });
    picks.push(
      {
        label: "A folder in Hugging Face layout…",
        act: () => this.pickPath({ canSelectFolders: true, canSelectFiles: false }),
      },
      { label: "A .gguf file…", act: () => this.pickPath({ filters: { GGUF: ["gguf"] } }) },
    );
    await pick(picks, `The model; now ${current}`);
  }

  private async pickPath(options: vscode.OpenDialogOptions): Promise<void> {
    const [chosen] = (await vscode.window.showOpenDialog({ ...options, openLabel: "Use This Model" })) ?? [];
    if (chosen) {
      await change("model", chosen.fsPath);
    }
  }

  private async menu(): Promise<void> {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const on = isEnabled();
    const off = language && disabledLanguages().includes(language);
    const entries: [icon: string, label: string, command: string][] = [
      ["sparkle", "Suggest here", "trigger"],
      ["question", "Why no suggestion?", "why"],
      ["bell-slash", "Snooze", "snooze"],
      ["circle-slash", `Turn ${on ? "off" : "on"} everywhere`, "toggle"],
      ...(language
        ? [
            ["circle-slash", `Turn ${off ? "on" : "off"} for ${language}`, "toggleLanguage"] as [
              string,
              string,
              string,
            ],
          ]
        : []),
      ["eye", "Show what the model sees here", "context"],
      ["info", "Show status", "status"],
      ["graph", "Show statistics", "statistics"],
      ["package", "Pick model", "pickModel"],
      ["pulse", "Run the doctor", "doctor"],
      ["debug-restart", "Restart the server", "restart"],
      ["output", "Open log", "log"],
    ];
    const picks = entries.map(([icon, label, command]) => ({
      label: `$(${icon}) ${label}`,
      act: () => vscode.commands.executeCommand(`slmLsp.${command}`),
    }));
    await pick(picks, "slm-lsp");
  }
}

async function pick(picks: Pick[], placeHolder: string): Promise<void> {
  const chosen = await vscode.window.showQuickPick(picks, { placeHolder });
  await chosen?.act();
}

function configuredModel(): string {
  return vscode.workspace.getConfiguration(SECTION).get("model", "");
}

function say(message: string): void {
  void vscode.window.showInformationMessage(message);
}
