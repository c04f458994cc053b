/** What is said beside the screens: aloud, and above all of them. */

import { WORDS } from "./words.ts";

/** Read something aloud that is seen anyway; this element stays when screens change. */
export function say(text: string): void {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

/** Whether there is a network is said above every screen; the app goes on without. */
export function watchNetwork(banner: HTMLElement): void {
  const show = (): void => {
    banner.textContent = navigator.onLine ? "" : WORDS.offline;
  };
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}
