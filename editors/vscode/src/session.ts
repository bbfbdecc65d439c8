// One server for the window: found, started, told of, and started again when it dies, after ever longer waits.

import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  type StaticFeature,
} from "vscode-languageclient/node";
import { findServer } from "./finding";
import { ownSettings, SECTION, serverSettings } from "./settings";
import type { StatusBar } from "./statusBar";
import { Suggesting } from "./suggesting";

const DOCUMENTS = ["file", "untitled", "vscode-notebook-cell"].map((scheme) => ({ scheme }));

/** Seconds before the first new start; each later one waits twice as long. */
const FIRST_WAIT = 1;
const LONGEST_WAIT = 60;

/** Milliseconds after which a server counts as sound, so that the waits begin anew. */
const SOUND_AFTER = 60_000;

/** Milliseconds for which a server that is to be stopped may take to be there. */
const LONGEST_START = 10_000;

interface Status {
  state: "idle" | "loading" | "ready" | "failed";
  fraction: number;
  message: string;
  model: string;
}

/** Tells the server that we show its status ourselves. */
const STATUS_CAPABILITY: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { ...capabilities.experimental, slmLspStatus: true };
  },
  initialize: () => {},
  getState: () => ({ kind: "static" }),
  clear: () => {},
};

export class Session implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private timer: NodeJS.Timeout | undefined;
  private deaths = 0;
  private turn = 0;
  private missing = false;
  private starting: Promise<void> | undefined;
  readonly suggesting: Suggesting;

  /** `onMissing` is told when there is no server; `onFailed`, when there is no model, with the reason. */
  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly status: StatusBar,
    private readonly onMissing: () => void,
    private readonly onFailed: (message: string) => void,
  ) {
    this.suggesting = new Suggesting(status, (document) =>
      this.client?.isRunning()
        ? this.client.getFeature("textDocument/inlineCompletion")?.getProvider(document)
        : undefined,
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.suggesting.dispose();
  }

  /** Start the server, or start it anew. */
  async restart(): Promise<void> {
    this.deaths = 0;
    const turn = this.turn + 1;
    await this.stop();
    if (turn === this.turn) {
      await this.start();
    }
  }

  /** Look for a server once more, if there was none, and start it if there is one now. */
  async retry(): Promise<void> {
    if (this.missing && (await findServer(this.context).catch(() => undefined))) {
      await this.restart();
    }
  }

  /** Stop the server; it is not started again by itself. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.turn += 1;
    const { client } = this;
    this.client = undefined;
    // It can't be stopped before it is there, nor another be started: both would register the same commands.
    const given = new Promise((resolve) => setTimeout(resolve, LONGEST_START).unref());
    await Promise.race([this.starting, given]);
    await this.end(client);
  }

  /** Return the server's answer to one of its commands, or undefined if there is no server. */
  async ask<T>(command: string, ...args: unknown[]): Promise<T | undefined> {
    return this.client?.isRunning()
      ? this.client.sendRequest<T>("workspace/executeCommand", { command, arguments: args })
      : undefined;
  }

  /** Return a document's URI as the server knows it. */
  uri(document: vscode.TextDocument): string {
    return this.client?.code2ProtocolConverter.asUri(document.uri) ?? document.uri.toString();
  }

  private start(): Promise<void> {
    this.starting = this.begin();
    return this.starting;
  }

  private async begin(): Promise<void> {
    const turn = this.turn;
    this.status.show({ is: "starting" });
    let program: string | undefined;
    try {
      program = await findServer(this.context);
    } catch (error) {
      this.status.show({ is: "failed", message: (error as Error).message });
      return;
    }
    if (turn !== this.turn) {
      return;
    }
    this.missing = !program;
    if (!program) {
      const folders = vscode.workspace.workspaceFolders?.map((folder) => folder.uri.fsPath) ?? [];
      this.log.info(`no server was found for ${folders.join(", ") || "no folder"}`);
      this.status.show({ is: "missing" });
      this.onMissing();
      return;
    }
    this.log.info(`starting ${program}`);
    const client = this.make(program, turn);
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.log.error(`the server did not start: ${error}`);
      this.died(turn);
      return;
    }
    if (turn !== this.turn) {
      await this.end(client);
      return;
    }
    setTimeout(() => {
      if (turn === this.turn) {
        this.deaths = 0;
      }
    }, SOUND_AFTER).unref();
    if (this.status.snooze) {
      // It is another server, which has yet to hear of it.
      await this.ask("slm-lsp.snooze", this.status.snooze / 60_000);
    }
  }

  private async end(client: LanguageClient | undefined): Promise<void> {
    try {
      await client?.stop();
    } catch (error) {
      this.log.warn(`the server was not stopped in order: ${error}`);
    }
  }

  private make(program: string, turn: number): LanguageClient {
    const options: LanguageClientOptions = {
      documentSelector: DOCUMENTS,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      // VS Code keeps back what a workspace in restricted mode sets, so that the rest is the user's own.
      initializationOptions: () => ({ ...serverSettings(), trusted: true }),
      initializationFailedHandler: () => false,
      middleware: this.suggesting.middleware,
      stdioOptions: {
        stdout: () => {},
        stderr: (input, log) => input.on("data", (text) => log.info(`${text}`.trim())),
      },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.died(turn);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    };
    const args = ["serve", ...ownSettings().arguments];
    const client = new LanguageClient(SECTION, "slm-lsp", { command: program, args }, options);
    client.registerFeature(STATUS_CAPABILITY);
    client.onNotification("slm-lsp/status", (status: Status) => this.told(status, turn));
    return client;
  }

  private told(status: Status, turn: number): void {
    if (turn !== this.turn) {
      return;
    }
    switch (status.state) {
      case "ready":
        this.status.show({ is: "ready", model: status.model });
        break;
      case "failed":
        this.status.show({ is: "failed", message: status.message });
        this.onFailed(status.message);
        break;
      default:
        this.status.show({
          is: "loading",
          percent: Math.round(100 * status.fraction),
          message: status.message,
        });
    }
  }

  private died(turn: number): void {
    if (turn !== this.turn) {
      return;
    }
    this.turn += 1;
    const seconds = Math.min(FIRST_WAIT * 2 ** this.deaths, LONGEST_WAIT);
    this.deaths += 1;
    this.log.warn(`the server has died; it is started again in ${seconds} s`);
    this.status.show({ is: "failed", message: `The server has died; it is started again in ${seconds} s.` });
    this.timer = setTimeout(() => void this.start(), 1000 * seconds);
  }
}
