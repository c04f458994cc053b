/** What can go wrong between the phone and the device; the app has a sentence for each. */

export type Trouble =
  | "wrong-code"
  | "locked"
  | "busy"
  | "lost"
  | "not-found"
  | "malformed"
  | "refused"
  | "unsupported"
  | "foreign-name"
  | "foreign-key"
  | "certificate"
  | "not-stored"
  | "wifi"
  | "offline"
  | "firmware";

export class DeviceError extends Error {
  override readonly name = "DeviceError";
  readonly trouble: Trouble;
  /** Seconds that the device wants to be left alone, where it said so. */
  readonly waitS: number | undefined;
  /** The device's own word for it, where it has one. */
  readonly reason: string | undefined;

  constructor(
    trouble: Trouble,
    message: string,
    options: { cause?: unknown; waitS?: number; reason?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.trouble = trouble;
    this.waitS = options.waitS;
    this.reason = options.reason;
  }
}
