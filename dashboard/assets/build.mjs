// Builds dashboard/static/dashboard from src/, icons.txt and node_modules.
// The same inputs give the same bytes: no dates, no paths, no hashes of the machine.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "../static/dashboard");
const templates = path.join(here, "../../templates");
process.chdir(here);

const packages = async (...names) =>
  (
    await Promise.all(
      names.map(async (name) => {
        const { version, license } = JSON.parse(
          await readFile(`node_modules/${name}/package.json`, "utf8"),
        );
        return `${name} ${version} (${license})`;
      }),
    )
  ).join(", ");

async function scripts() {
  const bundled = await packages(
    "htmx.org",
    "idiomorph",
    "bootstrap",
    "@popperjs/core",
    "@codemirror/state",
    "@codemirror/view",
    "@codemirror/commands",
    "@codemirror/language",
    "@codemirror/lint",
    "@codemirror/lang-json",
    "@lezer/common",
    "@lezer/highlight",
    "@lezer/json",
    "@lezer/lr",
    "style-mod",
    "crelt",
    "w3c-keyname",
    "@marijn/find-cluster-break",
  );
  const common = { bundle: true, minify: true, charset: "utf8", target: "es2022", format: "iife" };
  await build({
    ...common,
    entryPoints: ["src/app.js"],
    outfile: `${out}/app.js`,
    legalComments: "inline",
    banner: { js: `/*! Stepgate (Apache-2.0). Bundled: ${bundled}. */` },
  });
  await build({ ...common, entryPoints: ["src/theme-init.js"], outfile: `${out}/theme-init.js` });
}

async function styles() {
  await build({
    entryPoints: ["src/app.css"],
    outfile: `${out}/app.css`,
    bundle: true,
    minify: true,
    charset: "utf8",
    target: ["chrome123", "firefox120", "safari17.5"], // as Tabler: light-dark() must stay as it is
  });
  const tabler = await readFile("node_modules/@tabler/core/dist/css/tabler.min.css", "utf8");
  // The map is not shipped, and Django's manifest storage refuses a reference to a missing file.
  await writeFile(`${out}/tabler.min.css`, tabler.replace(/\n?\/\*# sourceMappingURL=.*?\*\/\s*$/, "\n"));
}

async function iconsInTemplates() {
  const used = new Set();
  for (const entry of await readdir(templates, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const text = await readFile(path.join(entry.parentPath ?? entry.path, entry.name), "utf8");
    for (const [, name] of text.matchAll(/icons\.svg['"]?\s*%\}#([a-z0-9-]+)/g)) used.add(name);
    for (const [, name] of text.matchAll(/\{% icon "([a-z0-9-]+)" %\}/g)) used.add(name);
  }
  return used;
}

async function icons() {
  const names = (await readFile("icons.txt", "utf8"))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith("#"));
  const missing = [...(await iconsInTemplates())].filter((n) => n !== "stepgate" && !names.includes(n));
  if (missing.length) throw new Error(`Add to icons.txt: ${missing.sort().join(", ")}`);
  const symbols = [await readFile("src/stepgate.symbol.svg", "utf8")];
  for (const name of names) {
    const svg = await readFile(`node_modules/@tabler/icons/icons/outline/${name}.svg`, "utf8");
    const body = svg
      .replace(/<!--[\s\S]*?-->/g, "")
      .replace(/^[\s\S]*?<svg[\s\S]*?>/, "")
      .replace(/<\/svg>\s*$/, "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" \/>/, "")
      .replace(/\s*\n\s*/g, "");
    symbols.push(
      `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`,
    );
  }
  const credit = await packages("@tabler/icons");
  await writeFile(
    `${out}/icons.svg`,
    `<svg xmlns="http://www.w3.org/2000/svg"><!-- ${credit}, Copyright Paweł Kuna -->\n${symbols.map((s) => s.trim()).join("\n")}\n</svg>\n`,
  );
  await writeFile(`${out}/favicon.svg`, await readFile("src/favicon.svg", "utf8"));
}

/** The full notices, which MIT asks to go along with the copies. */
async function licenses() {
  const { packages: locked } = JSON.parse(await readFile("package-lock.json", "utf8"));
  const texts = [];
  for (const [folder, { dev, license, version }] of Object.entries(locked).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!folder || dev) continue;
    const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? await readFile(`${folder}/${file}`, "utf8") : "";
    texts.push(`== ${folder.replace(/^.*node_modules\//, "")} ${version} (${license})\n\n${text.trim()}\n`);
  }
  await writeFile(`${out}/licenses.txt`, texts.join("\n"));
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await Promise.all([scripts(), styles(), icons(), licenses()]);
