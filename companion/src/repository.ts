/**
 * A repository of firmware (The Update Framework's), as a courier sees it: names, and what
 * a device is likely to want. Nothing is verified here, and nothing has to be: the device
 * names each file, and judges it by its signature.
 */

import { ApiError } from "./api.ts";
import { type Bytes, text } from "./pan/bytes.ts";

/** What was fetched; nothing under a name says that the repository has no such file. */
export type Shelf = Map<string, Bytes | undefined>;

const TIMESTAMP = "metadata/timestamp.json";
/** As in `core/firmware_files.py`. */
const NAME_MAX = 200;
const METADATA = /^metadata\/(timestamp|[1-9]\d{0,8}\.(root|snapshot|targets))\.json$/;
const TARGET = /^targets\/([A-Za-z0-9][A-Za-z0-9._-]*\/){0,4}[0-9a-f]{64}\.[A-Za-z0-9._-]+$/;
/** A device follows this many at once (`adapters/trusted_firmware.py`). */
const ROOTS_MAX = 32;
/** Images that are taken along on suspicion; another one costs a second way. */
const IMAGES_BYTES_MAX = 8 * 1024 * 1024;

export const isKnown = (name: string): boolean =>
  name.length <= NAME_MAX && (METADATA.test(name) || TARGET.test(name));

/** How a person would call a file. */
export const shortName = (name: string): string => name.replace(/^.*\/([0-9a-f]{64}\.)?/, "");

/**
 * Fetch ahead what a device will ask for once there is no internet: the metadata, and the
 * newest image of its model, or of each model if it is not known.
 */
export async function stock(shelf: Shelf, fetch: (name: string) => Promise<void>, model?: string): Promise<void> {
  const signed = async (name: string): Promise<Said> => {
    await fetch(name);
    return signedOf(name, shelf.get(name));
  };
  await fetch(TIMESTAMP);
  if (shelf.get(TIMESTAMP) === undefined) return;
  const timestamp = signedOf(TIMESTAMP, shelf.get(TIMESTAMP));
  const snapshot = await signed(`metadata/${versionOf(timestamp, "snapshot.json")}.snapshot.json`);
  const targets = await signed(`metadata/${versionOf(snapshot, "targets.json")}.targets.json`);
  for (let version = 2; version < 2 + ROOTS_MAX; version += 1) {
    const name = `metadata/${version}.root.json`;
    await fetch(name);
    if (shelf.get(name) === undefined) break;
  }
  let room = IMAGES_BYTES_MAX;
  for (const image of newest(targets, model)) {
    if (!isKnown(image.name) || image.length > room) continue;
    room -= image.length;
    await fetch(image.name);
  }
}

type Said = Readonly<Record<string, unknown>>;

interface Image {
  readonly name: string;
  readonly length: number;
  readonly model: string;
  readonly version: string;
}

function signedOf(name: string, file: Bytes | undefined): Said {
  try {
    return inside(JSON.parse(text(file ?? new Uint8Array(0))), "signed");
  } catch (cause) {
    throw new ApiError("strange", `${name} is no metadata`, cause);
  }
}

function versionOf(signed: Said, of: string): number {
  const version = inside(inside(signed, "meta"), of)["version"];
  if (typeof version === "number" && Number.isInteger(version) && version > 0) return version;
  throw new ApiError("strange", `${of} has no version`);
}

function inside(document: unknown, name: string): Said {
  const found = (document as Said | null | undefined)?.[name];
  if (typeof found === "object" && found !== null) return found as Said;
  throw new ApiError("strange", `the metadata has no ${name}`);
}

function newest(targets: Said, model: string | undefined): readonly Image[] {
  const best = new Map<string, Image>();
  for (const [path, target] of Object.entries(inside(targets, "targets"))) {
    const image = imageOf(path, target);
    const other = best.get(image.model);
    if (!other || image.version.localeCompare(other.version, "en", { numeric: true }) > 0) best.set(image.model, image);
  }
  const own = model === undefined ? undefined : best.get(model);
  return own ? [own] : [...best.values()].sort((one, other) => one.length - other.length);
}

function imageOf(path: string, target: unknown): Image {
  const { model, version } = inside(target, "custom");
  const sum = inside(target, "hashes")["sha256"];
  const { length } = target as { length?: unknown };
  const at = path.lastIndexOf("/") + 1;
  return {
    name: `targets/${path.slice(0, at)}${String(sum)}.${path.slice(at)}`,
    length: typeof length === "number" ? length : Infinity,
    model: String(model),
    version: String(version),
  };
}
