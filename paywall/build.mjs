// Bundles the embed into the gateway's package. The build is reproducible: the same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const { version } = JSON.parse(await readFile(here + "package.json", "utf8"));
const out = process.argv[2] ?? here + "../gateway/web/static/embed";
const folder = `${out}/${version}`;

const minifiedCss = {
  name: "minified-css",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

// Licence notices of the bundled packages.
const NOTICES = {
  "connect.js": "/*! With @getalby/sdk (MIT, Alby contributors), nostr-tools (Unlicense), @noble and @scure (MIT, Paul Miller). */",
};

async function bundle(entry, name, integrity = {}) {
  const { outputFiles } = await build({
    entryPoints: [here + "src/" + entry],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    banner: { js: NOTICES[name] ?? "" },
    write: false,
    define: { VERSION: JSON.stringify(version), INTEGRITY: JSON.stringify(integrity) },
    plugins: [minifiedCss],
  });
  const { contents } = outputFiles[0];
  await writeFile(`${folder}/${name}`, contents);
  return [name, integrityOf(contents, name === "embed.js" ? "sha384" : "sha256")];
}

function integrityOf(contents, algorithm) {
  return `${algorithm}-${createHash(algorithm).update(contents).digest("base64")}`;
}

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
// Each bundle contains the integrity hashes of the files that it loads, so those are built first.
const part = (name, loads = []) => bundle(`${name}/${name}.ts`, `${name}.js`, Object.fromEntries(loads));
const help = await part("help");
const sections = [help, await part("connect"), await part("recover")];
const loaded = [await part("sheet", sections), await part("opened"), await part("tipping"), await part("extras", [help])];
// The gateway's own pages show what was paid for by themselves, and load what else the embed loads.
const hosted = await part("hosted", [...loaded, ...sections]);
const parts = [await bundle("embed.ts", "embed.js", Object.fromEntries(loaded)), hosted, ...loaded, ...sections];
// The English messages are part of the bundles.
const languages = (await readdir(here + "src/words")).filter((file) => file !== "en.json");
for (const file of languages) {
  const words = JSON.parse(await readFile(`${here}src/words/${file}`, "utf8"));
  await writeFile(`${folder}/words-${file}`, JSON.stringify(words));
}
await writeFile(`${folder}/embed.d.ts`, await readFile(here + "types/tuppence.d.ts", "utf8"));
await writeFile(`${folder}/manifest.json`, JSON.stringify({ version, integrity: Object.fromEntries(parts) }, null, 2) + "\n");
