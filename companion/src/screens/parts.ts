/** What several screens have in common. */

import { type Child, button, h } from "../dom.ts";
import { type Problem, type WayOn, WORDS } from "../words.ts";

/** The page's heading takes the focus when a screen appears, so that it is read aloud. */
export const heading = (title: string): HTMLElement => h("h1", { tabindex: "-1" }, title);

export const panel = (...children: readonly Child[]): HTMLElement => h("section", { class: "panel" }, ...children);

export const actions = (...children: readonly Child[]): HTMLElement => h("div", { class: "actions" }, ...children);

export function problemPanel(
  problem: Problem,
  ways: Readonly<Partial<Record<WayOn, () => void>>>,
): HTMLElement {
  const open = problem.ways.filter((way) => ways[way]);
  return h(
    "section",
    { class: "panel problem", role: "alert" },
    h("h2", {}, problem.title),
    h("p", {}, problem.text),
    actions(...open.map((way, at) => button(WORDS.ways[way], () => ways[way]?.(), at ? "plain" : "main"))),
  );
}
