/** The app: which screen is shown, and what happens when something is pressed. */

import { say, watchNetwork } from "./announce.ts";
import { Api, ApiError } from "./api.ts";
import { Cancelled } from "./contact.ts";
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { button, h } from "./dom.ts";
import { Course, type Kept, type Step, type Stop, type Way, keptOf } from "./enrol.ts";
import { type FirmwareErrand, FirmwarePage } from "./firmwarepage.ts";
import type { Label } from "./label.ts";
import type { Owned } from "./owned.ts";
import { BleTransport } from "./pan/ble.ts";
import { type Memory, SoftApTransport } from "./pan/softap.ts";
import type { BluetoothDevice } from "./pan/webbluetooth.ts";
import { problemOf } from "./problems.ts";
import { homeScreen } from "./screens/home.ts";
import { labelScreen } from "./screens/label.ts";
import { actions, heading } from "./screens/parts.ts";
import { doneScreen, runScreen } from "./screens/run.ts";
import * as signIn from "./signin.ts";
import { type Problem, WORDS, type WayOn } from "./words.ts";

const KEPT = "hotsite.kept";

/** Under which name a device knows this phone; it survives a reload, as the device's session does. */
const PHONE: Memory = {
  get: (origin) => sessionStorage.getItem(`hotsite.phone ${origin}`) ?? undefined,
  set: (origin, name) => sessionStorage.setItem(`hotsite.phone ${origin}`, name),
};

class App {
  private devices: readonly Owned[] | "loading" | "unreachable" = "loading";
  private chosen: BluetoothDevice | undefined;
  private course: Course | undefined;
  private firmware: FirmwarePage | undefined;
  private running: Step | undefined;
  private detail = "";
  private stop: Stop | "join-device" | undefined;
  private problem: Problem | undefined;
  private failed: Step | undefined;
  private readonly api: Api;

  constructor(
    private readonly config: Config,
    private readonly root: HTMLElement,
  ) {
    this.api = new Api(config.api, () => this.token() ?? "");
  }

  private token(): string | undefined {
    return signIn.token(sessionStorage, Date.now());
  }

  async start(): Promise<void> {
    const query = new URLSearchParams(location.search);
    if (signIn.isAnswer(query)) {
      history.replaceState(null, "", location.pathname);
      try {
        await signIn.finish(this.config.signIn, sessionStorage, query, Date.now());
      } catch (error) {
        const isRefused = error instanceof signIn.SignInError;
        this.showSignIn(isRefused ? WORDS.signIn.failed : WORDS.signIn.unreachable);
        return;
      }
    }
    if (this.token() === undefined) this.showSignIn();
    else this.showHome();
  }

  private show(screen: HTMLElement, hasMoved = true): void {
    const out = this.token() !== undefined && button(WORDS.signIn.out, () => this.signOut(), "quiet");
    const held = hasMoved ? undefined : document.activeElement?.textContent;
    this.root.replaceChildren(
      h("a", { class: "skip", href: "#main" }, WORDS.skip),
      h("header", {}, h("span", { class: "brand" }, WORDS.name), out || ""),
      screen,
    );
    const title = screen.querySelector("h1")?.textContent ?? "";
    document.title = `${title} – ${WORDS.name}`;
    if (hasMoved) screen.querySelector("h1")?.focus({ preventScroll: true });
    else if (held) [...screen.querySelectorAll("button")].find((one) => one.textContent === held)?.focus();
  }

  private showSignIn(problem?: string): void {
    const words = WORDS.signIn;
    this.show(
      h(
        "main",
        { id: "main", class: "welcome" },
        heading(words.title),
        h("p", { class: "lead" }, words.text),
        problem !== undefined && h("p", { class: "error", role: "alert" }, problem),
        actions(button(words.go, () => void this.signIn(), "main")),
      ),
    );
  }

  private async signIn(): Promise<void> {
    const here = new URL(location.pathname, location.href).href;
    location.assign(await signIn.begin(this.config.signIn, sessionStorage, here));
  }

  private signOut(): void {
    signIn.forget(sessionStorage);
    this.drop();
    this.showSignIn();
  }

  private showHome(): void {
    this.devices = "loading";
    this.drawHome(true);
    void this.load();
  }

  private drawHome(hasMoved: boolean): void {
    this.show(
      homeScreen({
        devices: this.devices,
        kept: keptOf(sessionStorage.getItem(KEPT)),
        nowMs: Date.now(),
        add: () => this.showLabel(""),
        firmware: () => this.showFirmwareLabel(""),
        resume: () => this.resume(),
        drop: () => {
          this.drop();
          this.drawHome(true);
        },
        refresh: () => this.showHome(),
      }),
      hasMoved,
    );
  }

  private async load(): Promise<void> {
    try {
      this.devices = await this.api.devices();
    } catch (error) {
      if (error instanceof ApiError && error.trouble === "signed-out") {
        signIn.forget(sessionStorage);
        this.showSignIn();
        return;
      }
      this.devices = "unreachable";
    }
    if (document.querySelector("[data-screen=home]")) this.drawHome(false);
  }

  private showLabel(code: string): void {
    this.show(
      labelScreen({
        code,
        choose: (label, way) => void this.begin(label, way),
        back: () => this.showHome(),
      }),
    );
  }

  private showFirmwareLabel(code: string): void {
    const { label: title, wifiText } = WORDS.firmware;
    const choose = (label: Label, way: Way): void => {
      this.chosen = undefined;
      this.update({ label, way, model: undefined, isAway: false });
    };
    this.show(labelScreen({ code, title, wifiText, choose, back: () => this.showHome() }));
  }

  private update(errand: FirmwareErrand): void {
    void this.firmware?.end();
    this.firmware = new FirmwarePage(
      {
        api: this.api,
        open: (label, way) => this.open(label, way),
        forget: () => (this.chosen = undefined),
        show: (screen, hasMoved) => this.show(screen, hasMoved),
        say,
        begin: (next) => this.update(next),
        askLabel: (code) => this.showFirmwareLabel(code),
        home: () => this.showHome(),
      },
      errand,
    );
    this.firmware.start();
  }

  /** To the device that was just spoken with; where Wi-Fi was the way, there is no internet. */
  private updateOf({ label, way, info }: Course): () => void {
    return () => {
      this.drop();
      this.update({ label, way, model: info?.model, isAway: true });
    };
  }

  private resume(): void {
    const kept = keptOf(sessionStorage.getItem(KEPT));
    if (!kept) return this.showHome();
    void this.begin(kept.label, kept.way, kept);
  }

  private async begin(label: Label, way: Way, kept?: Kept): Promise<void> {
    await this.course?.end();
    this.chosen = undefined;
    const isOurs = (): boolean => this.course === course;
    const course: Course = new Course(
      label,
      way,
      {
        api: this.api,
        open: () => this.open(label, way),
        keep: (now) => {
          if (isOurs()) sessionStorage.setItem(KEPT, JSON.stringify(now));
        },
        note: (running, detail) => {
          if (!isOurs()) return;
          if (running === this.running && detail === this.detail) return;
          this.running = running;
          this.detail = detail;
          if (running) say(WORDS.run.steps[running]);
          this.drawRun(false);
        },
        pause: (ms) => new Promise((resume) => setTimeout(resume, ms)),
      },
      kept,
    );
    this.course = course;
    this.clear();
    if (way === "wifi") {
      const isHere = kept?.request === undefined;
      this.stop = isHere ? "join-device" : kept.answer ? "device-network" : "internet";
      this.drawRun(true);
      return;
    }
    await this.proceed();
  }

  private async open(label: Label, way: Way): Promise<BleTransport | SoftApTransport> {
    if (way === "wifi") return new SoftApTransport(this.config.softAp, PHONE);
    this.chosen ??= await BleTransport.choose(label.name);
    if (!this.chosen) throw new Cancelled();
    return BleTransport.connect(this.chosen);
  }

  private clear(): void {
    this.running = undefined;
    this.detail = "";
    this.stop = undefined;
    this.problem = undefined;
    this.failed = undefined;
  }

  private async proceed(): Promise<void> {
    await this.attempt(async (course) => {
      const stop = await course.proceed();
      if (this.course !== course) return;
      this.running = undefined;
      if (stop === "done") this.finish(course);
      else if (stop === "already") this.showAlready(course);
      else {
        this.stop = stop;
        this.drawRun(true);
      }
    });
  }

  private async attempt(act: (course: Course) => Promise<void>): Promise<void> {
    const course = this.course;
    if (!course) return this.showHome();
    this.clear();
    this.drawRun(true);
    try {
      await act(course);
    } catch (error) {
      if (this.course !== course) return;
      if (error instanceof Cancelled) return this.showLabel(course.label.code);
      this.failed = this.running;
      this.running = undefined;
      this.problem = problemOf(error);
      // A link that broke is opened again to the same device; one that was not found is
      // looked for anew.
      if (this.failed === "connect") this.chosen = undefined;
      this.drawRun(false);
    }
  }

  private drawRun(hasMoved: boolean): void {
    const { course } = this;
    if (!course) return;
    const { running, detail, stop, problem, failed } = this;
    this.show(
      runScreen({
        course,
        running,
        detail,
        stop,
        problem,
        failed,
        ways: this.ways(course),
        goOn: () => {
          if (stop === "device-network") course.returned();
          void this.proceed();
        },
        join: (ssid, passphrase) =>
          void this.attempt(async () => {
            await course.join(ssid, passphrase);
            if (this.course === course) await this.proceed();
          }),
        cancel: () => this.leave(),
      }),
      hasMoved,
    );
  }

  private ways(course: Course): Readonly<Partial<Record<WayOn, () => void>>> {
    const { label } = course;
    const kept = (): Kept | undefined => keptOf(sessionStorage.getItem(KEPT));
    const other: Partial<Record<WayOn, () => void>> =
      course.way === "bluetooth"
        ? { wifi: () => void this.begin(label, "wifi", kept()) }
        : BleTransport.isHere()
          ? { bluetooth: () => void this.begin(label, "bluetooth", kept()) }
          : {};
    return {
      ...other,
      again: () => void this.proceed(),
      network: () => void this.proceed(),
      code: () => {
        void course.end();
        this.course = undefined;
        this.showLabel("");
      },
      over: () => {
        sessionStorage.removeItem(KEPT);
        void this.begin(label, course.way);
      },
      signIn: () => void this.signIn(),
      home: () => this.leave(),
    };
  }

  private leave(): void {
    const { course } = this;
    this.course = undefined;
    void course?.end();
    this.showHome();
  }

  private drop(): void {
    sessionStorage.removeItem(KEPT);
    void this.firmware?.end();
    const { course } = this;
    this.course = undefined;
    void course?.end();
  }

  private finish(course: Course): void {
    sessionStorage.removeItem(KEPT);
    const [more, home] = [(): void => this.showLabel(""), (): void => this.leave()];
    this.show(doneScreen({ course, more, firmware: this.updateOf(course), home }));
  }

  private showAlready(course: Course): void {
    const problem: Problem = { ...WORDS.already, ways: ["home"] };
    this.drop();
    this.show(
      h(
        "main",
        { id: "main" },
        heading(problem.title),
        h("p", { class: "lead" }, problem.text),
        actions(
          button(WORDS.done.home, () => this.showHome(), "main"),
          course.info?.firmware !== undefined && button(WORDS.done.firmware, this.updateOf(course)),
        ),
      ),
    );
  }
}

async function main(root: HTMLElement): Promise<void> {
  const banner = document.getElementById("offline");
  if (banner) watchNetwork(banner);
  if ("serviceWorker" in navigator) void navigator.serviceWorker.register("./worker.js").catch(() => {});
  let problem: string;
  try {
    const answer = await fetch("./config.json", { cache: "no-cache" });
    const config = parseConfig(await answer.json(), location.href);
    await new App(config, root).start();
    return;
  } catch (error) {
    if (error instanceof ConfigError) problem = WORDS.config.text(error.message);
    else problem = WORDS.config.unreachable;
  }
  root.replaceChildren(
    h(
      "main",
      { id: "main" },
      heading(WORDS.config.title),
      h("p", { class: "lead", role: "alert" }, problem),
      actions(button(WORDS.config.reload, () => location.reload(), "main")),
    ),
  );
}

const root = document.getElementById("app");
if (root) void main(root);
