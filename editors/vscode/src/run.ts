// Programs that are run to their end: each command line is written to the log before it is run.

import { spawn } from "node:child_process";
import type { CancellationToken, LogOutputChannel } from "vscode";

const WIDTH = "120";

export class ProgramFailed extends Error {}

/** What a program printed; `ok` tells whether it ended with 0. */
export interface Output {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Quote a command line for people to read. */
export function commandLine(program: string, args: readonly string[]): string {
  return [program, ...args].map((part) => (/[\s"']/.test(part) ? JSON.stringify(part) : part)).join(" ");
}

/**
 * Run a program to its end; `onLine` is told each line that it prints.
 *
 * Throws `ProgramFailed` if it can't be started.
 */
export function run(
  log: LogOutputChannel,
  program: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
  token?: CancellationToken,
): Promise<Output> {
  log.info(`running ${commandLine(program, args)}`);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, COLUMNS: WIDTH, NO_COLOR: "1", PYTHONUNBUFFERED: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: Output = { ok: false, stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        output[stream] += text;
        for (const line of text.split(/[\r\n]+/)) {
          if (line.trim()) {
            onLine(line.trim());
          }
        }
      });
    }
    const cancel = token?.onCancellationRequested(() => child.kill());
    child.on("error", (error) => {
      cancel?.dispose();
      reject(new ProgramFailed(`${program} could not be run: ${error.message}`));
    });
    child.on("close", (code) => {
      cancel?.dispose();
      resolve({ ...output, ok: code === 0 });
    });
  });
}
