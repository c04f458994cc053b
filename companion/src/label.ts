/** What is on a device's label: read from its QR code, or typed by a person. */

export interface Label {
  readonly username: string;
  readonly code: string;
  /** Bluetooth name and Wi-Fi network; unknown when only the code was typed. */
  readonly name: string | undefined;
  readonly serial: string | undefined;
  readonly prefersWifi: boolean;
}

export class LabelError extends Error {
  override readonly name = "LabelError";
}

const USERNAME = "hotsite";
/** No 0 O 1 I L U: docs/pan-protocol.md, section 1. */
const CODE = /^[23456789A-HJKMNP-TV-Z]{12}$/;

/** The code as it is in the password: upper case, in groups of four. */
export function normalise(typed: string): string {
  const plain = typed.toUpperCase().replace(/[\s-]/g, "");
  if (!CODE.test(plain)) throw new LabelError("a code has 12 letters and digits");
  return plain.replace(/(.{4})(?=.)/g, "$1-");
}

export const typedLabel = (typed: string): Label => ({
  username: USERNAME,
  code: normalise(typed),
  name: undefined,
  serial: undefined,
  prefersWifi: false,
});

/** Read the text of a QR code: Espressif's JSON, or the code alone. */
export function readLabel(scanned: string): Label {
  if (!scanned.trimStart().startsWith("{")) return typedLabel(scanned);
  let found: Readonly<Record<string, unknown>>;
  try {
    found = JSON.parse(scanned) as Readonly<Record<string, unknown>>;
  } catch {
    throw new LabelError("the QR code is not a device's");
  }
  const { pop, username, name, serial, transport } = found;
  if (typeof pop !== "string" || !pop) throw new LabelError("the QR code has no code of a device");
  return {
    username: typeof username === "string" && username ? username : USERNAME,
    code: pop,
    name: typeof name === "string" && name ? name : undefined,
    serial: typeof serial === "string" && serial ? serial : undefined,
    prefersWifi: transport === "softap",
  };
}
