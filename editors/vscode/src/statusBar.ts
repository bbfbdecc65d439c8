// The item in the status bar: what the server does now, and one click to what helps.

import * as vscode from "vscode";
import { disabledLanguages, isEnabled } from "./settings";

/** How the server is. */
export type Health =
  | { is: "missing" }
  | { is: "starting" }
  | { is: "loading"; percent: number; message: string }
  | { is: "ready"; model: string }
  | { is: "failed"; message: string };

interface Look {
  icon: string;
  text: string;
  says: string;
  command?: string;
  severe?: boolean;
}

/** Milliseconds that an answer may take before the icon turns: it is not to flicker at each key. */
const BUSY_AFTER = 150;

/** Milliseconds after an answer at which its time is shown: the suggestion is to be drawn first. */
const TOLD_AFTER = 250;

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("slm-lsp", vscode.StatusBarAlignment.Right, 100);
  private readonly disposables: vscode.Disposable[] = [this.item];
  private health: Health = { is: "starting" };
  private latency: number | undefined;
  private asked = 0;
  private busy = false;
  private wakesAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private telling: NodeJS.Timeout | undefined;

  constructor() {
    this.item.name = "slm-lsp";
    this.disposables.push(
      vscode.window.onDidChangeActiveTextEditor(() => this.render()),
      vscode.workspace.onDidChangeConfiguration(() => this.render()),
    );
    this.render();
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearTimeout(this.telling);
    for (const one of this.disposables) {
      one.dispose();
    }
  }

  /** Show how the server is. */
  show(health: Health): void {
    this.health = health;
    this.render();
  }

  /** Show for how many seconds nothing is suggested by itself. */
  snoozed(seconds: number): void {
    this.wakesAt = Date.now() + 1000 * seconds;
    this.render();
  }

  /** The milliseconds for which nothing is suggested by itself. */
  get snooze(): number {
    return Math.max(0, this.wakesAt - Date.now());
  }

  /** Show that an answer is awaited; call what is returned once it is there, with the time that it took. */
  working(): (ms: number | undefined) => void {
    const timer = setTimeout(() => {
      this.busy = true;
      this.render();
    }, BUSY_AFTER);
    this.asked += 1;
    return (ms) => {
      clearTimeout(timer);
      this.asked -= 1;
      this.latency = ms ?? this.latency;
      this.busy = this.busy && this.asked > 0;
      this.telling ??= setTimeout(() => {
        this.telling = undefined;
        this.render();
      }, TOLD_AFTER);
    };
  }

  private render(): void {
    const { icon, text, says, command, severe } = this.look();
    this.item.text = `$(${icon}) slm-lsp${text && ` ${text}`}`;
    this.item.tooltip = says;
    this.item.accessibilityInformation = { label: `slm-lsp: ${says}` };
    this.item.command = command ?? "slmLsp.menu";
    this.item.backgroundColor = severe ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    clearTimeout(this.timer);
    if (this.snooze) {
      this.timer = setTimeout(() => this.render(), Math.min(this.snooze + 50, 30_000));
    }
  }

  private look(): Look {
    const { health } = this;
    const language = vscode.window.activeTextEditor?.document.languageId;
    switch (health.is) {
      case "missing":
        return {
          icon: "cloud-download",
          text: "",
          says: "not installed; click to install",
          command: "slmLsp.install",
        };
      case "starting":
        return { icon: "loading~spin", text: "", says: "starting" };
      case "failed":
        return {
          icon: "error",
          text: "",
          says: `${health.message} Click to run the doctor.`,
          command: "slmLsp.doctor",
          severe: true,
        };
      case "loading":
        return {
          icon: "loading~spin",
          text: `${health.percent}%`,
          says: `${health.message}, ${health.percent}%`,
        };
    }
    if (!isEnabled()) {
      return { icon: "circle-slash", text: "off", says: "off everywhere" };
    }
    if (language && disabledLanguages().includes(language)) {
      return { icon: "circle-slash", text: "off", says: `off for ${language}` };
    }
    if (this.snooze) {
      const minutes = Math.ceil(this.snooze / 60_000);
      return { icon: "bell-slash", text: `${minutes} min`, says: `snoozed for ${minutes} min` };
    }
    const last = this.latency === undefined ? "" : `, last answer after ${Math.round(this.latency)} ms`;
    const icon = this.busy ? "sync~spin" : "sparkle";
    return { icon, text: "", says: `${this.busy ? "working" : "ready"}, ${health.model}${last}` };
  }
}
