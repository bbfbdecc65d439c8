// Bundles the extension: for the machine that has the files, and the message for browsers without one.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const shared = {
  bundle: true,
  external: ["vscode"],
  format: "cjs",
  target: "es2022",
  minify: true,
  legalComments: "none",
};

const { metafile } = await build({
  ...shared,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  platform: "node",
  metafile: true,
});
await build({
  ...shared,
  entryPoints: ["src/browser.ts"],
  outfile: "dist/browser.js",
  platform: "browser",
});

// The licences of what is bundled ask for their text to go with it.
const bundled = Object.keys(metafile.inputs).map(
  (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1],
);
const notices = [...new Set(bundled)]
  .filter(Boolean)
  .sort()
  .map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8"));
    const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (!licence) {
      throw new Error(`${folder} has no licence text`);
    }
    return `${name} ${version}\n\n${readFileSync(join(folder, licence), "utf-8").trim()}\n`;
  });
writeFileSync("dist/ThirdPartyNotices.txt", notices.join(`\n${"-".repeat(80)}\n\n`));
