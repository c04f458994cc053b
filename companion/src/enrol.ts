/**
 * The course of an onboarding: what comes after what, what is kept for a retry, and where
 * a person has to do something first. Draws nothing; the page shows what it says.
 */

import { type Api, credentialsOf } from "./api.ts";
import { Contact } from "./contact.ts";
import type { Credentials } from "./contract.ts";
import type { Label } from "./label.ts";
import type { Device, DeviceInfo, Network, SigningRequest, Trial } from "./pan/device.ts";
import { DeviceError } from "./pan/errors.ts";
import type { Transport } from "./pan/transport.ts";

export const STEPS = ["connect", "prove", "network", "key", "register", "store", "online"] as const;
export type Step = (typeof STEPS)[number];
export type Way = "bluetooth" | "wifi";

/** Where it stopped, and for what: a person, or the end. */
export type Stop = "internet" | "device-network" | "passphrase" | "done" | "already";

/** What survives a reload of the page: enough to go on, in the same tab. */
export interface Kept {
  readonly label: Label;
  readonly way: Way;
  readonly request: SigningRequest | undefined;
  readonly answer: Credentials | undefined;
  readonly isStored: boolean;
}

export interface Surroundings {
  /** Connect to the device; a retry calls it again. */
  readonly open: () => Promise<Transport>;
  readonly api: Api;
  readonly keep: (kept: Kept) => void;
  readonly note: (running: Step | undefined, detail: string) => void;
  readonly pause: (ms: number) => Promise<void>;
}

const POLL_MS = 1_000;
/** A device needs a few seconds; behind a busy access point up to a minute. */
const POLLS_MAX = 120;

export class Course {
  info: DeviceInfo | undefined;
  networks: readonly Network[] = [];
  trial: Trial | undefined;
  private readonly contact: Contact;
  private request: SigningRequest | undefined;
  private answer: Credentials | undefined;
  private isStored: boolean;
  private hasNetwork = false;
  private isBack = false;
  private isTrialOver = false;

  constructor(
    readonly label: Label,
    readonly way: Way,
    private readonly around: Surroundings,
    kept?: Kept,
  ) {
    this.contact = new Contact(label, around.open, (step) => around.note(step, ""));
    this.request = kept?.request;
    this.answer = kept?.answer;
    this.isStored = kept?.isStored ?? false;
  }

  get thing(): string | undefined {
    return this.answer?.thing ?? this.info?.serial ?? this.label.serial;
  }

  get credentials(): Credentials | undefined {
    return this.answer;
  }

  isDone(step: Step): boolean {
    const reached = {
      connect: this.contact.isOpen || this.request !== undefined,
      prove: this.contact.isOpen || this.request !== undefined,
      network: this.hasNetwork || this.request !== undefined,
      key: this.request !== undefined || this.isStored,
      register: this.answer !== undefined || this.isStored,
      store: this.isStored,
      online: this.isTrialOver,
    };
    return reached[step];
  }

  /** Go on from wherever it stopped; what was done is not done again. */
  async proceed(): Promise<Stop> {
    if (!this.isStored && !this.answer) {
      if (!this.request) {
        const stop = await this.gather();
        if (stop) return stop;
        if (this.way === "wifi" && !this.isStored) {
          await this.contact.leave();
          return "internet";
        }
      }
      if (this.request) {
        await this.register(this.request);
        if (this.way === "wifi" && !this.isBack) return "device-network";
      }
    }
    if (!this.isStored) await this.store();
    await this.watch();
    return "done";
  }

  /** The person is back on the network of the device. */
  returned(): void {
    this.isBack = true;
  }

  async join(ssid: string, passphrase: string): Promise<void> {
    await this.with("network", async (device) => {
      let now = await device.join(ssid, passphrase);
      for (let poll = 0; now.state === "joining"; poll += 1) {
        if (poll >= POLLS_MAX) throw new DeviceError("wifi", "it takes too long", { reason: "address" });
        await this.around.pause(POLL_MS);
        now = await device.joining();
      }
      if (now.state !== "joined") {
        throw new DeviceError("wifi", "the device did not join", { reason: now.reason ?? "address" });
      }
    });
    this.hasNetwork = true;
  }

  /** The person gives it up: whatever is under way does nothing more with the device. */
  end(): Promise<void> {
    return this.contact.end();
  }

  private async gather(): Promise<Stop | undefined> {
    this.info ??= await this.with("prove", (device) => device.info());
    if (this.info.state === "provisioned") return "already";
    if (this.info.state === "pending") {
      this.isStored = true;
      this.keep();
      return undefined;
    }
    if (this.info.takesWifi && !this.hasNetwork) {
      this.networks = await this.with("network", (device) => device.networks());
      return "passphrase";
    }
    this.hasNetwork = true;
    this.request = await this.with("key", (device) => device.signingRequest());
    this.keep();
    return undefined;
  }

  private async register(request: SigningRequest): Promise<void> {
    this.around.note("register", "");
    this.answer = await this.around.api.enrol(request.claim, request.csr, (attempt) => {
      this.around.note("register", String(attempt));
    });
    this.keep();
  }

  private async store(): Promise<void> {
    const answer = this.answer;
    if (!answer) throw new DeviceError("malformed", "there is nothing to store");
    await this.with("store", (device) => device.store(answer));
    this.isStored = true;
    this.keep();
  }

  private async watch(): Promise<void> {
    let now = await this.with("online", (device) => device.status());
    if (now.trial === "failed") now = await this.with("online", (device) => device.tryAgain());
    for (let poll = 0; now.state !== "provisioned"; poll += 1) {
      this.trial = now;
      if (now.trial === "failed" || poll >= POLLS_MAX) {
        throw new DeviceError("offline", now.reason ?? "the device does not connect");
      }
      await this.around.pause(POLL_MS);
      now = await this.with("online", (device) => device.status());
    }
    this.trial = now;
    this.isTrialOver = true;
    await this.contact.leave();
  }

  private with<Value>(step: Step, act: (device: Device) => Promise<Value>): Promise<Value> {
    return this.contact.with((device) => {
      this.around.note(step, "");
      return act(device);
    });
  }

  private keep(): void {
    const { label, way, request, answer, isStored } = this;
    this.around.keep({ label, way, request, answer, isStored });
  }
}

/** Read back what a reload left; whatever is not of this shape is nothing. */
export function keptOf(text: string | null): Kept | undefined {
  try {
    const found = JSON.parse(text ?? "null") as Kept | null;
    if (!found || typeof found.label.code !== "string") return undefined;
    return found.answer ? { ...found, answer: credentialsOf(found.answer) } : found;
  } catch {
    return undefined;
  }
}
