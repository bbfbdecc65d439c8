// Bundles the extension: for the machine that has the files, and the message for browsers without one.
import { build } from "esbuild";

const shared = {
  bundle: true,
  external: ["vscode"],
  format: "cjs",
  target: "es2022",
  minify: true,
  legalComments: "external",
};

await build({
  ...shared,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  platform: "node",
});
await build({
  ...shared,
  entryPoints: ["src/browser.ts"],
  outfile: "dist/browser.js",
  platform: "browser",
});
