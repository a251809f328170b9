import { svelte } from "@sveltejs/vite-plugin-svelte";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;
const bundle = process.env.BUNDLE_DIR ?? resolve(here, "../src/trueaim/report/bundle");

/** Everything the bundle is made from; tests/report/test_bundle.py hashes the same list. */
function sources(): string[] {
  const inside = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).split(sep).join("/"));
  return [...inside, "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"].sort();
}

/** One SHA-256 over the lines "<SHA-256 of the file>  <its path>". */
function sourceHash(): string {
  const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
  return sha256(sources().map((path) => `${sha256(readFileSync(join(here, path)))}  ${path}\n`).join(""));
}

/** Writes beside the bundle what it was built from, so that a stale one is noticed. */
const stampSources: Plugin = {
  name: "stamp-sources",
  closeBundle: () => writeFileSync(join(bundle, "source.sha256"), `${sourceHash()}\n`),
};

export default defineConfig({
  plugins: [
    // "tree" builds elements one by one instead of parsing HTML text.
    svelte({ compilerOptions: { fragments: "tree", runes: true } }),
    stampSources,
  ],
  build: {
    outDir: bundle,
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    lib: {
      entry: resolve(here, "src/report.ts"),
      name: "trueaimReport",
      formats: ["iife"],
      fileName: () => "report.js",
      cssFileName: "report",
    },
  },
});
