/** A device within reach: the link is opened when it is needed, and anew when it broke. */

import type { Label } from "./label.ts";
import { Device } from "./pan/device.ts";
import { DeviceError } from "./pan/errors.ts";
import type { Transport } from "./pan/transport.ts";

/** A tap on "cancel" in the browser's chooser is no failure. */
export class Cancelled extends Error {}

export class Contact {
  private device: Device | undefined;
  private isEnded = false;

  constructor(
    private readonly label: Label,
    /** Connect to the device; a retry calls it again. */
    private readonly open: () => Promise<Transport>,
    private readonly note: (step: "connect" | "prove") => void,
  ) {}

  get isOpen(): boolean {
    return this.device !== undefined;
  }

  /** Do something with the device; a link that was lost meanwhile is opened anew, once. */
  async with<Value>(act: (device: Device) => Promise<Value>): Promise<Value> {
    const hadLink = this.isOpen;
    try {
      return await this.attempt(act);
    } catch (error) {
      await this.leave().catch(() => {});
      const isLost = error instanceof DeviceError && error.trouble === "lost";
      if (!isLost || !hadLink || this.isEnded) throw error;
    }
    return this.attempt(act);
  }

  async leave(): Promise<void> {
    const device = this.device;
    this.device = undefined;
    await device?.close();
  }

  /** The person gives it up: whatever is under way does nothing more with the device. */
  async end(): Promise<void> {
    this.isEnded = true;
    await this.leave().catch(() => {});
  }

  private async attempt<Value>(act: (device: Device) => Promise<Value>): Promise<Value> {
    if (this.isEnded) throw new DeviceError("lost", "the person gave it up");
    this.device ??= await this.connect();
    return act(this.device);
  }

  private async connect(): Promise<Device> {
    this.note("connect");
    const transport = await this.open();
    try {
      await Device.greet(transport);
      this.note("prove");
      return await Device.open(transport, this.label.username, this.label.code);
    } catch (error) {
      await transport.close().catch(() => {});
      throw error;
    }
  }
}
