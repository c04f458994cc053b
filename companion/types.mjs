// Write src/contract.ts from the OpenAPI document of the onboarding API, or, with
// --check, say whether it is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "../src/hotsite/faces/lambdas/openapi.json");
const path = join(here, "src/contract.ts");
const { schemas } = JSON.parse(readFileSync(page, "utf8")).components;

const indented = (text) => text.replace(/\n/g, "\n  ");

function typeOf(schema) {
  if (schema === false) return "never";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  // What each choice leaves out stands beside the choices.
  if (schema.oneOf) return schema.oneOf.map((one) => typeOf(chosen(one, schema))).join(" | ");
  const kinds = [schema.type].flat();
  return kinds.map((kind) => plain(kind, schema)).join(" | ");
}

function chosen(one, { type, properties, required = [] }) {
  if (one.$ref || one.type || !properties) return one;
  const needed = [...required, ...(one.required ?? [])];
  return { type, properties: { ...properties, ...one.properties }, required: needed };
}

function plain(kind, schema) {
  switch (kind) {
    case "string":
    case "boolean":
    case "null":
      return kind;
    case "integer":
    case "number":
      return "number";
    case "array":
      return `readonly (${typeOf(schema.items)})[]`;
    case "object":
      return schema.properties
        ? `{\n  ${indented(fields(schema))}\n}`
        : `Readonly<Record<string, ${typeOf(schema.additionalProperties ?? {})}>>`;
    default:
      return "unknown";
  }
}

function fields({ properties, required = [] }) {
  return Object.entries(properties)
    .map(([name, schema]) => {
      const said = schema.description ? `/** ${schema.description} */\n` : "";
      return `${said}readonly ${name}${required.includes(name) ? "" : "?"}: ${typeOf(schema)};`;
    })
    .join("\n");
}

const types = Object.entries(schemas).map(([name, schema]) => {
  const said = schema.description ? `/** ${schema.description} */\n` : "";
  return `${said}export type ${name} = ${typeOf(schema)};\n`;
});
const wanted = `/** Made by types.mjs from the onboarding API's OpenAPI document; do not edit. */\n\n${types.join("\n")}`;
if (!process.argv.includes("--check")) writeFileSync(path, wanted);
else if (readFileSync(path, "utf8") !== wanted) {
  process.stderr.write("companion/src/contract.ts is not what openapi.json says; run: node companion/types.mjs\n");
  process.exitCode = 1;
}
