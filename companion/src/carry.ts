/**
 * Firmware by courier: the device says which file it wants, the app brings it, the device
 * judges. Over the device's own Wi-Fi there is no internet meanwhile, so what it will want
 * is fetched first; should it want something else, that costs a second way. Draws nothing.
 */

import type { Api } from "./api.ts";
import { Contact } from "./contact.ts";
import type { Way } from "./enrol.ts";
import type { Label } from "./label.ts";
import type { FirmwareStatus } from "./pan/device.ts";
import { DeviceError } from "./pan/errors.ts";
import type { Transport } from "./pan/transport.ts";
import { type Shelf, isKnown, stock } from "./repository.ts";

const STEPS = ["fetch", "connect", "prove", "bring", "apply"] as const;
export type CarryStep = (typeof STEPS)[number];

/** Where it stopped: a person changes the network, or it is over. */
export type CarryStop = "internet" | "device-network" | "done";

export interface Progress {
  readonly kind: "fetch" | "retry" | "hand";
  readonly name: string;
  /** Of a new try: which one it is. */
  readonly bytes: number;
  /** Nothing while it is not known. */
  readonly total: number | undefined;
}

export interface Outcome {
  readonly state: "applied" | "current" | "nothing" | "behind";
  /** What the device runs now. */
  readonly version: string | undefined;
}

export interface CarrySurroundings {
  /** Connect to the device; a retry calls it again. */
  readonly open: () => Promise<Transport>;
  readonly api: Pick<Api, "firmware">;
  readonly note: (running: CarryStep, progress: Progress | undefined) => void;
}

/** A device that asks on and on, whatever it is given, is no device. */
const FILES_MAX = 64;

export class Carry {
  outcome: Outcome | undefined;
  /** Handed over so far; files that were cut off count once they are whole. */
  bytes = 0;
  private readonly contact: Contact;
  private readonly shelf: Shelf = new Map();
  private isAtDevice = false;
  private hasMet = false;
  private lacking: string | undefined;

  constructor(
    readonly label: Label,
    readonly way: Way,
    private readonly around: CarrySurroundings,
    /** The device's model, where it is known. */
    private readonly model?: string,
  ) {
    this.contact = new Contact(label, around.open, (step) => around.note(step, undefined));
  }

  get steps(): readonly CarryStep[] {
    return STEPS.filter((step) => step !== "fetch" || this.way === "wifi");
  }

  /** Go on from wherever it stopped; what the device has is not brought again. */
  async proceed(): Promise<CarryStop> {
    if (this.way === "wifi" && !this.isAtDevice) {
      this.around.note("fetch", undefined);
      const fetch = (name: string): Promise<void> => this.fetch("fetch", name);
      if (this.lacking !== undefined) await fetch(this.lacking);
      else await stock(this.shelf, fetch, this.model);
      this.lacking = undefined;
      this.isAtDevice = true;
      return "device-network";
    }
    return this.bring();
  }

  end(): Promise<void> {
    return this.contact.end();
  }

  private async bring(): Promise<CarryStop> {
    let now = await this.begin();
    for (let count = 0; now.wanted !== undefined; count += 1) {
      const name = now.wanted;
      if (!isKnown(name) || count >= FILES_MAX) {
        throw new DeviceError("malformed", `the device asks for ${JSON.stringify(name)}`);
      }
      if (!this.shelf.has(name)) {
        if (this.way === "wifi") {
          this.lacking = name;
          this.isAtDevice = false;
          await this.contact.leave();
          return "internet";
        }
        await this.fetch("bring", name);
      }
      now = await this.hand(name);
    }
    if (now.state === "ready") {
      this.around.note("apply", undefined);
      now = await this.contact.with((device) => device.firmware("apply"));
    }
    await this.contact.leave();
    this.outcome = outcomeOf(now);
    return "done";
  }

  /** What it judged some other day is no news: then it begins anew. */
  private async begin(): Promise<FirmwareStatus> {
    const now = await this.contact.with((device) => device.firmware("status"));
    this.around.note("bring", undefined);
    const isOld = !this.hasMet && (now.state === "current" || now.state === "refused");
    this.hasMet = true;
    return isOld ? this.contact.with((device) => device.firmware("start")) : now;
  }

  private async fetch(step: CarryStep, name: string): Promise<void> {
    if (this.shelf.has(name)) return;
    const tell = (kind: "fetch" | "retry") => (bytes: number) =>
      this.around.note(step, { kind, name, bytes, total: undefined });
    tell("fetch")(0);
    this.shelf.set(name, await this.around.api.firmware(name, tell("fetch"), tell("retry")));
  }

  private async hand(name: string): Promise<FirmwareStatus> {
    const file = this.shelf.get(name);
    if (!file) return this.contact.with((device) => device.absent(name));
    const tell = (bytes: number): void =>
      this.around.note("bring", { kind: "hand", name, bytes, total: file.length });
    tell(0);
    const now = await this.contact.with((device) => device.deliver(name, file, tell));
    this.bytes += file.length;
    return now;
  }
}

function outcomeOf(now: FirmwareStatus): Outcome {
  const { state, version, reason } = now;
  if (state === "applied") return { state, version };
  if (state !== "current") {
    throw new DeviceError("firmware", `the device is ${state}`, { reason: reason ?? state });
  }
  if (reason === "nothing-offered") return { state: "nothing", version };
  return { state: reason === "replica-behind" ? "behind" : "current", version };
}
