/** The steps of an onboarding, live; what a person has to do; what failed, and the ways on. */

import { type Child, button, h } from "../dom.ts";
import { type Course, STEPS, type Step, type Stop } from "../enrol.ts";
import { type Problem, type WayOn, WORDS } from "../words.ts";
import { actions, heading, panel, problemPanel } from "./parts.ts";

export interface RunScreen {
  readonly course: Course;
  readonly running: Step | undefined;
  readonly detail: string;
  readonly stop: Stop | "join-device" | undefined;
  readonly problem: Problem | undefined;
  readonly failed: Step | undefined;
  readonly ways: Readonly<Partial<Record<WayOn, () => void>>>;
  readonly goOn: () => void;
  readonly join: (ssid: string, passphrase: string) => void;
  readonly cancel: () => void;
}

export function runScreen(screen: RunScreen): HTMLElement {
  const words = WORDS.run;
  const name = screen.course.thing ?? words.anyName;
  return h(
    "main",
    { id: "main" },
    heading(words.title(name)),
    h("ol", { class: "steps" }, ...shownSteps(screen).map((step) => stepItem(screen, step))),
    screen.problem ? problemPanel(screen.problem, screen.ways) : asked(screen),
    !screen.problem && actions(button(words.cancel, screen.cancel)),
  );
}

/** The network step shows only for devices that have one. */
const shownSteps = (screen: RunScreen): readonly Step[] =>
  STEPS.filter((step) => step !== "network" || screen.course.info?.takesWifi === true);

function stepItem(screen: RunScreen, step: Step): HTMLElement {
  const words = WORDS.run;
  const state =
    screen.failed === step
      ? "failed"
      : screen.running === step
        ? "running"
        : screen.course.isDone(step)
          ? "done"
          : "waiting";
  const isRetrying = state === "running" && step === "register" && screen.detail !== "";
  return h(
    "li",
    { class: state, "aria-current": state === "running" ? "step" : undefined },
    h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", { class: "what" }, words.steps[step], h("span", { class: "sr" }, `, ${words.state[state]}`)),
    isRetrying && h("span", { class: "detail", role: "status" }, words.retrying(screen.detail)),
  );
}

function asked(screen: RunScreen): Child {
  const name = screen.course.label.name ?? WORDS.wifiFirst.anyName;
  switch (screen.stop) {
    case "join-device": {
      const { title, text, note, go } = WORDS.wifiFirst;
      return panel(h("h2", {}, title), h("p", {}, text(name)), h("p", { class: "hint" }, note), onward(go, screen));
    }
    case "internet": {
      const { title, text, go } = WORDS.internet;
      return panel(h("h2", {}, title), h("p", {}, text), onward(go, screen));
    }
    case "device-network": {
      const { title, text, go } = WORDS.deviceNetwork;
      return panel(h("h2", {}, title), h("p", {}, text(name)), onward(go, screen));
    }
    case "passphrase":
      return passphrase(screen);
    default:
      return undefined;
  }
}

const onward = (label: string, screen: RunScreen): HTMLElement => actions(button(label, screen.goOn, "main"));

function passphrase(screen: RunScreen): HTMLElement {
  const words = WORDS.passphrase;
  const choice = h(
    "select",
    { id: "network" },
    ...screen.course.networks.map((one) => h("option", { value: one.ssid }, one.ssid)),
    h("option", { value: "" }, words.other),
  );
  const other = h("input", { id: "ssid", autocomplete: "off" });
  const otherField = h("div", { class: "field" }, h("label", { for: "ssid" }, words.name), other);
  const show = (): void => {
    otherField.hidden = choice.value !== "";
  };
  choice.addEventListener("change", show);
  show();
  const secret = h("input", { id: "passphrase", type: "password", autocomplete: "off" });
  return h(
    "form",
    {
      class: "panel",
      submit: (event) => {
        event.preventDefault();
        screen.join(choice.value || other.value, secret.value);
      },
    },
    h("h2", {}, words.title),
    h("div", { class: "field" }, h("label", { for: "network" }, words.network), choice),
    otherField,
    h("div", { class: "field" }, h("label", { for: "passphrase" }, words.field), secret),
    actions(h("button", { class: "main" }, words.go)),
  );
}

export interface DoneScreen {
  readonly course: Course;
  readonly more: () => void;
  readonly firmware: () => void;
  readonly home: () => void;
}

export function doneScreen(screen: DoneScreen): HTMLElement {
  const words = WORDS.done;
  const { credentials, thing, trial } = screen.course;
  const facts: readonly [string, string | undefined, string?][] = [
    [words.thing, credentials?.thing],
    [words.names, credentials?.iot.names.join(", ")],
    [words.certificate, credentials?.certificate_id, "digits"],
  ];
  return h(
    "main",
    { id: "main", class: "done" },
    h("div", { class: "tick", "aria-hidden": "true" }),
    heading(words.title(thing ?? WORDS.run.anyName)),
    h("p", { class: "lead" }, `${words.text(trial?.site ?? words.anySite)} ${words.both}`),
    credentials &&
      h(
        "dl",
        { class: "facts" },
        ...facts.flatMap(([term, value, kind]) =>
          value === undefined ? [] : [h("dt", {}, term), h("dd", { class: kind }, value)],
        ),
      ),
    actions(
      button(words.home, screen.home, "main"),
      screen.course.info?.firmware !== undefined && button(words.firmware, screen.firmware),
      button(words.more, screen.more),
    ),
  );
}
