/** My devices, and what can be done about them. */

import { button, h } from "../dom.ts";
import type { Kept } from "../enrol.ts";
import type { Owned } from "../owned.ts";
import { WORDS } from "../words.ts";
import { actions, heading, panel } from "./parts.ts";

export interface HomeScreen {
  readonly devices: readonly Owned[] | "loading" | "unreachable";
  readonly kept: Kept | undefined;
  readonly nowMs: number;
  readonly add: () => void;
  readonly firmware: () => void;
  readonly resume: () => void;
  readonly drop: () => void;
  readonly refresh: () => void;
}

export function homeScreen(screen: HomeScreen): HTMLElement {
  const words = WORDS.home;
  return h(
    "main",
    { id: "main", "data-screen": "home" },
    h("div", { class: "row" }, heading(words.title), button(words.refresh, screen.refresh, "quiet")),
    screen.kept && resumePanel(screen, screen.kept),
    list(screen),
    actions(button(words.add, screen.add, screen.kept ? "plain" : "main"), button(words.firmware, screen.firmware)),
  );
}

function resumePanel(screen: HomeScreen, kept: Kept): HTMLElement {
  const words = WORDS.home;
  const name = kept.answer?.thing ?? kept.request?.claim.id ?? kept.label.serial ?? WORDS.run.anyName;
  return panel(
    h("h2", {}, words.resume(name)),
    h("p", {}, words.resumeText),
    actions(button(words.resumeGo, screen.resume, "main"), button(words.drop, screen.drop)),
  );
}

function list(screen: HomeScreen): HTMLElement {
  const words = WORDS.home;
  const { devices } = screen;
  if (devices === "loading") return h("p", { class: "note", role: "status" }, WORDS.loading);
  if (devices === "unreachable") return h("p", { class: "note", role: "status" }, words.unreachable);
  if (!devices.length) {
    return h("div", { class: "empty" }, h("p", {}, h("strong", {}, words.none)), h("p", {}, words.noneText));
  }
  return h("ul", { class: "devices" }, ...devices.map((one) => item(one, screen.nowMs)));
}

function item(one: Owned, nowMs: number): HTMLElement {
  const words = WORDS.home;
  const seen = one.lastSeenMs === undefined ? words.neverSeen : words.seen(ago(one.lastSeenMs, nowMs));
  return h(
    "li",
    {},
    h("strong", {}, one.thing),
    badge(one),
    h("span", { class: "seen" }, seen),
  );
}

function badge(one: Owned): HTMLElement | undefined {
  const words = WORDS.home;
  if (one.status === "revoked") return h("span", { class: "site out" }, words.revoked);
  if (one.status === "deleted") return h("span", { class: "site out" }, words.deleted);
  return one.region === undefined ? undefined : h("span", { class: "site" }, one.region);
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function ago(thenMs: number, nowMs: number): string {
  const pastS = Math.max(0, Math.round((nowMs - thenMs) / 1000));
  const [unit, length] = UNITS.find(([, size]) => pastS >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.floor(pastS / length), unit);
}
