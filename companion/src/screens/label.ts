/** Scan or type what is on the label, and choose how to reach the device. */

import type { Way } from "../enrol.ts";
import { button, h } from "../dom.ts";
import { type Label, LabelError, readLabel } from "../label.ts";
import { BleTransport } from "../pan/ble.ts";
import { WORDS } from "../words.ts";
import { actions, heading } from "./parts.ts";
import { canScan, scan } from "../scan.ts";

export interface LabelScreen {
  /** What the person is about to do. */
  readonly title?: string;
  readonly wifiText?: string;
  readonly code: string;
  readonly choose: (label: Label, way: Way) => void;
  readonly back: () => void;
}

export function labelScreen(screen: LabelScreen): HTMLElement {
  const words = WORDS.label;
  let stop: (() => void) | undefined;
  const error = h("p", { class: "error", id: "code-error", role: "alert" });
  const video = h("video", { class: "camera", playsinline: true, muted: true, hidden: true });
  const field = h("input", {
    id: "code",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    "aria-describedby": "code-hint code-error",
    value: screen.code,
  });
  const complain = (text: string): void => {
    error.textContent = text;
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  };
  const go = (way: Way): void => {
    try {
      const label = readLabel(field.value);
      stop?.();
      screen.choose(label, way);
    } catch (problem) {
      if (!(problem instanceof LabelError)) throw problem;
      complain(field.value.trimStart().startsWith("{") ? words.notOurs : words.wrong);
      field.focus();
    }
  };
  const scanner = button(words.scan, () => {
    if (stop) {
      stop();
      return;
    }
    video.hidden = false;
    scanner.textContent = words.stop;
    stop = scan(video, {
      found: (text) => {
        field.value = text;
        complain("");
        try {
          readLabel(text);
        } catch {
          complain(words.notOurs);
        }
      },
      failed: () => complain(words.noCamera),
      ended: () => {
        stop = undefined;
        video.hidden = true;
        scanner.textContent = words.scan;
      },
    });
  });
  const bluetooth = BleTransport.isHere();
  const way = (name: Way, title: string, text: string, isOpen: boolean): HTMLElement =>
    h(
      "button",
      { type: "button", class: "way", "data-way": name, disabled: !isOpen, click: () => go(name) },
      h("strong", {}, title),
      h("span", {}, text),
    );
  return h(
    "main",
    { id: "main" },
    heading(screen.title ?? words.title),
    h("p", { class: "lead" }, words.text),
    canScan() && h("div", { class: "scan" }, video, scanner),
    h(
      "div",
      { class: "field" },
      h("label", { for: "code" }, words.field),
      field,
      h("p", { class: "hint", id: "code-hint" }, words.hint),
      error,
    ),
    h("h2", {}, words.how),
    h(
      "div",
      { class: "ways" },
      way("bluetooth", words.bluetooth, bluetooth ? words.bluetoothText : words.noBluetooth, bluetooth),
      way("wifi", words.wifi, screen.wifiText ?? words.wifiText, true),
    ),
    actions(
      button(words.back, () => {
        stop?.();
        screen.back();
      }),
    ),
  );
}
