// Installing the server into an environment of our own, and fetching models; nothing is run unasked.

import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { firstRunnable, onPath, ownEnvironment, within } from "./finding";
import { commandLine, type Output, ProgramFailed, run } from "./run";
import { ownSettings } from "./settings";

const PYTHONS = ["python3.13", "python3.12", "python3.11", "python3", "python"];
const NEEDS = "import sys; sys.exit(sys.version_info < (3, 11))";
const CPU_WHEELS = "https://download.pytorch.org/whl/cpu";

type Command = readonly [program: string, ...args: string[]];

/** Makes the environment in the extension's storage, with what the extension carries of the server. */
export class Installer {
  private running = false;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Offer to install the server; returns whether that was done. */
  async offer(): Promise<boolean> {
    if (this.running) {
      return false;
    }
    const python = await this.python();
    if (!python) {
      void vscode.window.showErrorMessage(
        "slm-lsp needs Python 3.11 or later, and there is none on PATH. Install one, or name it in the setting slm-lsp.server.python.",
      );
      return false;
    }
    const commands = await this.commands(python);
    const folder = ownEnvironment(this.context);
    const install = "Install";
    const look = "Show Commands";
    const question =
      `The server slm-lsp was not found. Install it into ${folder}? ` +
      "That runs Python's venv, pip (which reaches your package index) and `slm-lsp models pull` (93 MB).";
    let chosen = await vscode.window.showInformationMessage(question, install, look, "Not Now");
    if (chosen === look) {
      this.log.info(`to install the server, these would be run:\n${commands.map(line).join("\n")}`);
      this.log.show();
      chosen = await vscode.window.showInformationMessage(
        `Install slm-lsp into ${folder} with these commands?`,
        install,
        "Not Now",
      );
    }
    return chosen === install && this.install(commands, folder);
  }

  /** Fetch a known model with the server's own command; returns whether that was done. */
  async pull(program: string, model: string): Promise<boolean> {
    return this.all([[program, "models", "pull", model]], `Fetching ${model}`);
  }

  private async install(commands: Command[], folder: string): Promise<boolean> {
    await rm(folder, { recursive: true, force: true });
    return this.all(commands, "Installing slm-lsp");
  }

  private async all(commands: Command[], title: string): Promise<boolean> {
    this.running = true;
    try {
      const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
      return await vscode.window.withProgress(options, (progress, token) =>
        this.each(commands, progress, token),
      );
    } catch (error) {
      const reason = error instanceof ProgramFailed ? error.message : `${error}`;
      this.log.error(reason);
      const show = "Open Log";
      void vscode.window.showErrorMessage(`${title} failed: ${reason}`, show).then((chosen) => {
        if (chosen === show) {
          this.log.show();
        }
      });
      return false;
    } finally {
      this.running = false;
    }
  }

  private async each(
    commands: Command[],
    progress: vscode.Progress<{ message: string }>,
    token: vscode.CancellationToken,
  ): Promise<boolean> {
    for (const [index, [program, ...args]] of commands.entries()) {
      const step = `${index + 1} of ${commands.length}, ${commandLine(program, args).slice(0, 100)}`;
      progress.report({ message: step });
      const told = (line: string): void => {
        this.log.info(line);
        progress.report({ message: `${step}: ${line.slice(0, 100)}` });
      };
      const output = await run(this.log, program, args, told, token);
      if (token.isCancellationRequested) {
        return false;
      }
      if (!output.ok) {
        throw new ProgramFailed(lastLine(output));
      }
    }
    return true;
  }

  private async commands(python: string): Promise<Command[]> {
    const environment = ownEnvironment(this.context);
    const carried = join(this.context.extensionPath, "server");
    const wheel = (await readdir(carried)).find((name) => name.endsWith(".whl")) ?? "slm-lsp";
    const more = ownSettings().installArguments ?? (withoutGpu() ? ["--extra-index-url", CPU_WHEELS] : []);
    const pip = [
      "-m",
      "pip",
      "install",
      "-c",
      join(carried, "constraints.txt"),
      ...more,
      join(carried, wheel),
    ];
    return [
      [python, "-m", "venv", environment],
      [within(environment, "python"), ...pip],
      [within(environment, "slm-lsp"), "models", "pull"],
    ];
  }

  private async python(): Promise<string | undefined> {
    const set = ownSettings().python;
    for (const name of set ? [set] : PYTHONS) {
      const program = await firstRunnable(set ? [set] : onPath(name));
      if (program && (await run(this.log, program, ["-c", NEEDS])).ok) {
        return program;
      }
    }
    return undefined;
  }
}

function line([program, ...args]: Command): string {
  return commandLine(program, args);
}

function lastLine(output: Output): string {
  return (output.stderr.trim() || output.stdout.trim()).split("\n").at(-1) ?? "it says no more";
}

/** On Linux the default wheels of torch bring CUDA along, which is of no use without NVIDIA's driver. */
function withoutGpu(): boolean {
  return process.platform === "linux" && !existsSync("/proc/driver/nvidia/version");
}
