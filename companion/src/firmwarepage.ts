/** The page that carries firmware to a device: what is pressed, and what is shown then. */

import type { Api } from "./api.ts";
import { Carry, type CarryStep, type CarryStop, type Progress } from "./carry.ts";
import { Cancelled } from "./contact.ts";
import type { Way } from "./enrol.ts";
import type { Label } from "./label.ts";
import { BleTransport } from "./pan/ble.ts";
import { DeviceError } from "./pan/errors.ts";
import type { Transport } from "./pan/transport.ts";
import { firmwareProblemOf } from "./problems.ts";
import { firmwareDone, firmwareScreen, showProgress } from "./screens/firmware.ts";
import { type Problem, WORDS, type WayOn } from "./words.ts";

export interface FirmwareHost {
  readonly api: Api;
  readonly open: (label: Label, way: Way) => Promise<Transport>;
  /** Look for a device anew: the one that was chosen is not there. */
  readonly forget: () => void;
  readonly show: (screen: HTMLElement, hasMoved: boolean) => void;
  readonly say: (text: string) => void;
  /** Go on with another errand in place of this one. */
  readonly begin: (errand: FirmwareErrand) => void;
  readonly askLabel: (code: string) => void;
  readonly home: () => void;
}

export interface FirmwareErrand {
  readonly label: Label;
  readonly way: Way;
  readonly model: string | undefined;
  /** Whether the phone may be on the device's own Wi-Fi still. */
  readonly isAway: boolean;
}

export class FirmwarePage {
  private readonly carry: Carry;
  private running: CarryStep | undefined;
  private progress: Progress | undefined;
  private stop: CarryStop | undefined;
  private problem: Problem | undefined;
  private failed: CarryStep | undefined;
  private isRefused = false;
  private isOver = false;

  constructor(
    private readonly host: FirmwareHost,
    private readonly errand: FirmwareErrand,
  ) {
    const { label, way, model } = errand;
    const around = {
      api: host.api,
      open: () => host.open(label, way),
      note: (running: CarryStep, progress: Progress | undefined) => this.note(running, progress),
    };
    this.carry = new Carry(label, way, around, model);
  }

  start(): void {
    if (this.errand.isAway && this.errand.way === "wifi") {
      this.stop = "internet";
      this.draw(true);
    } else void this.proceed();
  }

  /** Somebody went elsewhere: nothing of this errand is shown any more. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.carry.end();
  }

  private note(running: CarryStep, progress: Progress | undefined): void {
    if (this.isOver) return;
    const isSame = running === this.running;
    this.running = running;
    this.progress = progress;
    if (!isSame) this.host.say(WORDS.firmware.steps[running]);
    if (!isSame || (progress && !showProgress(document, progress))) this.draw(false);
  }

  private async proceed(): Promise<void> {
    this.running = this.progress = this.stop = this.problem = this.failed = undefined;
    this.draw(true);
    try {
      const stop = await this.carry.proceed();
      if (this.isOver) return;
      this.running = this.progress = undefined;
      this.stop = stop;
      if (stop === "done") this.host.show(firmwareDone(this.carry, () => this.leave()), true);
      else this.draw(true);
    } catch (error) {
      if (this.isOver) return;
      if (error instanceof Cancelled) return this.askLabel(this.errand.label.code);
      if (this.running === "connect") this.host.forget();
      this.failed = this.running;
      this.running = this.progress = undefined;
      this.isRefused = error instanceof DeviceError && error.trouble === "firmware";
      this.problem = firmwareProblemOf(error);
      this.draw(false);
    }
  }

  private draw(hasMoved: boolean): void {
    const { carry, running, progress, stop, problem, failed } = this;
    this.host.show(
      firmwareScreen({
        carry,
        running,
        progress,
        stop,
        problem,
        failed,
        ways: this.ways(),
        goOn: () => void this.proceed(),
        leave: () => this.leave(),
      }),
      hasMoved,
    );
  }

  private ways(): Readonly<Partial<Record<WayOn, () => void>>> {
    const { way } = this.errand;
    const other: Partial<Record<WayOn, () => void>> =
      way === "bluetooth"
        ? { wifi: () => this.anew("wifi") }
        : BleTransport.isHere()
          ? { bluetooth: () => this.anew("bluetooth") }
          : {};
    return {
      ...other,
      // What was refused is fetched anew: it may have been damaged on the way to here.
      again: () => (this.isRefused ? this.anew(way) : void this.proceed()),
      over: () => this.anew(way),
      code: () => this.askLabel(""),
      home: () => this.leave(),
    };
  }

  private anew(way: Way): void {
    void this.end();
    const isAway = way === "wifi" && this.errand.way === "wifi";
    this.host.begin({ ...this.errand, way, isAway });
  }

  private askLabel(code: string): void {
    void this.end();
    this.host.askLabel(code);
  }

  private leave(): void {
    void this.end();
    this.host.home();
  }
}
