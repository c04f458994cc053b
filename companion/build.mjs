// Build the app into the Python package, or the unit tests into build/.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../src/hotsite/faces/companion/site");
const tests = join(here, "../build/companion-tests");
const GZIPPED_BYTES_MAX = 150 * 1024;
const common = { bundle: true, format: "esm", target: "es2022", logLevel: "warning", charset: "utf8" };

if (process.argv.includes("--tests")) {
  rmSync(tests, { recursive: true, force: true });
  const entryPoints = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: entryPoints.map((name) => join(here, "test", name)),
    outdir: tests,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    sourcemap: "inline",
  });
} else {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  cpSync(join(here, "static"), out, { recursive: true });
  await build({ ...common, entryPoints: [join(here, "src/app.ts")], outfile: join(out, "app.js"), minify: true });
  // The worker caches exactly these files, under a name that changes with them.
  const files = readdirSync(out).sort();
  const whole = createHash("sha256");
  for (const name of files) whole.update(name).update(readFileSync(join(out, name)));
  await build({
    ...common,
    format: "iife",
    entryPoints: [join(here, "src/worker.ts")],
    outfile: join(out, "worker.js"),
    minify: true,
    define: {
      FILES: JSON.stringify(["./", ...files.filter((name) => name !== "index.html").map((name) => `./${name}`)]),
      VERSION: JSON.stringify(whole.digest("hex").slice(0, 16)),
    },
  });
  const sizes = Object.fromEntries(
    readdirSync(out).map((name) => [name, gzipSync(readFileSync(join(out, name)), { level: 9 }).length]),
  );
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  process.stdout.write(`${JSON.stringify({ gzipped_bytes: total, files: sizes })}\n`);
  if (total > GZIPPED_BYTES_MAX) {
    process.stderr.write(`the app has ${total} bytes gzipped, more than ${GZIPPED_BYTES_MAX}\n`);
    process.exitCode = 1;
  }
}
