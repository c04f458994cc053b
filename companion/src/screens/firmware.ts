/** Firmware on its way to a device, live; what a person has to do; what came of it. */

import type { Carry, CarryStep, CarryStop, Progress } from "../carry.ts";
import { type Child, button, h } from "../dom.ts";
import { shortName } from "../repository.ts";
import { type Problem, type WayOn, WORDS } from "../words.ts";
import { actions, heading, panel, problemPanel } from "./parts.ts";

export interface FirmwareScreen {
  readonly carry: Carry;
  readonly running: CarryStep | undefined;
  readonly progress: Progress | undefined;
  readonly stop: CarryStop | undefined;
  readonly problem: Problem | undefined;
  readonly failed: CarryStep | undefined;
  readonly ways: Readonly<Partial<Record<WayOn, () => void>>>;
  readonly goOn: () => void;
  readonly leave: () => void;
}

export function firmwareScreen(screen: FirmwareScreen): HTMLElement {
  const words = WORDS.firmware;
  const name = screen.carry.label.serial ?? WORDS.run.anyName;
  return h(
    "main",
    { id: "main" },
    heading(words.title(name)),
    h("ol", { class: "steps" }, ...screen.carry.steps.map((step) => item(screen, step))),
    screen.problem ? problemPanel(screen.problem, screen.ways) : asked(screen),
    !screen.problem && actions(button(WORDS.run.cancel, screen.leave)),
  );
}

function item(screen: FirmwareScreen, step: CarryStep): HTMLElement {
  const { steps } = screen.carry;
  // While a person changes networks nothing runs, and what comes next is known.
  const next = screen.stop === "device-network" ? "connect" : screen.stop === "internet" ? "fetch" : undefined;
  const now = steps.indexOf(screen.failed ?? screen.running ?? next ?? steps[0] ?? "connect");
  const at = steps.indexOf(step);
  const state =
    screen.failed === step ? "failed" : screen.running === step ? "running" : at < now ? "done" : "waiting";
  return h(
    "li",
    { class: state, "aria-current": state === "running" ? "step" : undefined },
    h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", { class: "what" }, WORDS.firmware.steps[step], h("span", { class: "sr" }, `, ${WORDS.run.state[state]}`)),
    state === "running" && screen.progress && progressBar(screen.progress),
  );
}

function progressBar(progress: Progress): HTMLElement {
  const box = h("span", { class: "detail" }, h("progress", { "aria-label": WORDS.firmware.bar }), h("span", {}));
  tell(box, progress);
  return box;
}

/** Show how far it is where the screen is already there; whether it could. */
export function showProgress(root: ParentNode, progress: Progress): boolean {
  const box = root.querySelector(".steps .running .detail");
  if (box) tell(box, progress);
  return box !== null;
}

function tell(box: ParentNode, { kind, name, bytes, total }: Progress): void {
  const bar = box.querySelector("progress");
  const said = box.querySelector("span");
  if (!bar || !said) return;
  if (total === undefined) bar.removeAttribute("value");
  else {
    bar.max = total;
    bar.value = bytes;
  }
  said.textContent = WORDS.firmware[kind](shortName(name), count(bytes), total === undefined ? "" : count(total));
}

const count = (bytes: number): string => bytes.toLocaleString("en");

function asked(screen: FirmwareScreen): Child {
  if (screen.stop !== "internet" && screen.stop !== "device-network") return undefined;
  const words = screen.stop === "internet" ? WORDS.firmware.internet : WORDS.firmware.device;
  const { title, text, go } = words;
  return panel(
    h("h2", {}, title),
    h("p", {}, text(screen.carry.label.name ?? WORDS.wifiFirst.anyName)),
    screen.stop === "device-network" && h("p", { class: "hint" }, WORDS.wifiFirst.note),
    actions(button(go, screen.goOn, "main")),
  );
}

export function firmwareDone(carry: Carry, home: () => void): HTMLElement {
  const { outcome } = carry;
  const state = outcome?.state ?? "current";
  const { title, text } = WORDS.firmware.outcome[state];
  const isGood = state === "applied" || state === "current";
  return h(
    "main",
    { id: "main", class: "done" },
    isGood && h("div", { class: "tick", "aria-hidden": "true" }),
    heading(title),
    h("p", { class: "lead" }, text(outcome?.version ?? WORDS.firmware.anyVersion)),
    carry.bytes > 0 && h("p", { class: "note" }, WORDS.firmware.carried(count(carry.bytes))),
    actions(button(WORDS.done.home, home, "main")),
  );
}
