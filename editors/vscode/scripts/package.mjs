// Makes dist/slm-lsp.vsix, which carries the wheel of the server that it installs.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dirname(folder));
const run = (program, ...args) => execFileSync(program, args, { cwd: folder, stdio: "inherit" });

rmSync(join(folder, "dist"), { recursive: true, force: true });
rmSync(join(folder, "server"), { recursive: true, force: true });
mkdirSync(join(folder, "server"));
run(process.env.PYTHON ?? "python3", "-m", "pip", "wheel", "-q", "--no-deps", "-w", "server", root);
copyFileSync(join(root, "constraints.txt"), join(folder, "server", "constraints.txt"));
copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
run(process.execPath, join("scripts", "build.mjs"));
run(
  process.execPath,
  join("node_modules", "@vscode", "vsce", "vsce"),
  "package",
  "--no-dependencies",
  "--allow-missing-repository",
  "--no-rewrite-relative-links",
  "--out",
  join("dist", "slm-lsp.vsix"),
);
