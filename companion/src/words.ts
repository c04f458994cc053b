/** Every English sentence of the app, in one place. */

import type { ApiTrouble } from "./api.ts";
import type { CarryStep, Outcome } from "./carry.ts";
import type { Step } from "./enrol.ts";
import type { Trouble } from "./pan/errors.ts";

export const WORDS = {
  name: "Companion",
  loading: "One moment…",
  skip: "Skip to content",
  offline: "You are offline. The device can be prepared; registering it needs the internet.",
  signIn: {
    title: "Bring a device online",
    text: "Stand next to the device, with its label in sight. It takes about a minute.",
    go: "Sign in",
    failed: "Signing in did not work. Please try again.",
    unreachable: "The sign-in service does not answer. Check the internet connection, then try again.",
    out: "Sign out",
  },
  home: {
    title: "My devices",
    add: "Add a device",
    firmware: "Update a device near you",
    none: "No devices yet",
    noneText: "A device that you add appears here, with the site it talks to.",
    unreachable: "The list cannot be loaded now. Adding a device still works.",
    refresh: "Refresh",
    resume: (name: string) => `Go on with ${name}`,
    resumeText: "An onboarding was begun here and is not finished.",
    resumeGo: "Go on",
    drop: "Discard",
    revoked: "Shut out",
    deleted: "Deleted",
    seen: (when: string) => `Last seen ${when}`,
    neverSeen: "Not seen yet",
  },
  label: {
    title: "Which device?",
    text: "Scan the QR code on the label, or type the code below it.",
    scan: "Scan the QR code",
    stop: "Stop the camera",
    noCamera: "The camera cannot be used. Type the code instead.",
    field: "Code on the label",
    hint: "12 letters and digits, such as 7F3K\u20119QWD\u2011XM4T",
    wrong: "That is not a code of a device. It has 12 letters and digits, without 0, O, 1, I, L and U.",
    notOurs: "That QR code is not on a device's label. Scan the one beside the code.",
    how: "How do you reach it?",
    bluetooth: "Bluetooth",
    bluetoothText: "Recommended. The device is found by itself.",
    noBluetooth: "This browser has no Bluetooth for apps. Chrome and Edge have, on Android, Windows and macOS.",
    wifi: "The device's Wi-Fi",
    wifiText: "You change the phone's Wi-Fi twice. The app says when.",
    back: "Back",
  },
  wifiFirst: {
    title: "Join the device's Wi-Fi",
    text: (name: string) =>
      `Open the Wi-Fi settings of this phone and choose the network “${name}”. Then come back here.`,
    anyName: "HS-…",
    note: "The browser may ask whether this page may reach devices on your network. Allow it.",
    go: "I have joined it",
  },
  internet: {
    title: "Now back to the internet",
    text: "Join your usual Wi-Fi again, or turn on mobile data. The device keeps what it has prepared.",
    go: "I am back online",
  },
  deviceNetwork: {
    title: "Once more to the device",
    text: (name: string) =>
      `The certificate is here. Join “${name}” again to hand it over.`,
    go: "I have joined it",
  },
  passphrase: {
    title: "Which Wi-Fi shall the device use?",
    network: "Network",
    field: "Password of that Wi-Fi",
    other: "Another network…",
    name: "Name of the network",
    go: "Connect the device",
  },
  run: {
    title: (name: string) => `Adding ${name}`,
    anyName: "the device",
    steps: {
      connect: "Find the device",
      prove: "Check the code",
      network: "Connect it to Wi-Fi",
      key: "Let the device make its key",
      register: "Register it",
      store: "Hand over the certificate",
      online: "Wait until it is online",
    } satisfies Record<Step, string>,
    state: { done: "done", running: "in progress", failed: "failed", waiting: "to do" },
    retrying: (attempt: string) => `No answer yet. Attempt ${attempt}; another Region may take over.`,
    cancel: "Cancel",
  },
  done: {
    title: (name: string) => `${name} is online`,
    text: (site: string) => `It is connected to ${site}.`,
    anySite: "your fleet",
    both: "If a Region fails, it finds the other one by itself.",
    thing: "Name",
    certificate: "Certificate",
    names: "Connects to",
    more: "Add another device",
    firmware: "Update its firmware",
    home: "My devices",
  },
  firmware: {
    title: (name: string) => `Updating ${name}`,
    label: "Which device shall be updated?",
    wifiText: "The firmware is fetched first. Then you change the phone's Wi-Fi; the app says when.",
    steps: {
      fetch: "Fetch the firmware",
      connect: "Find the device",
      prove: "Check the code",
      bring: "Hand over the firmware",
      apply: "Let the device check and store it",
    } satisfies Record<CarryStep, string>,
    bar: "Progress of this file",
    fetch: (name: string, bytes: string, _: string) => `Fetching ${name}: ${bytes} bytes`,
    retry: (_name: string, attempt: string, _: string) =>
      `No answer yet. Attempt ${attempt}; another Region may take over.`,
    hand: (name: string, bytes: string, total: string) => `${name}: ${bytes} of ${total} bytes`,
    carried: (bytes: string) => `Handed over: ${bytes} bytes.`,
    anyVersion: "its old version",
    internet: {
      title: "Back to the internet",
      text: (_: string) =>
        "Join your usual Wi-Fi again, or turn on mobile data: firmware for this device has to be fetched. It keeps what it has received.",
      go: "I am back online",
    },
    device: {
      title: "Join the device's Wi-Fi",
      text: (name: string) =>
        `The firmware is here. Open the Wi-Fi settings of this phone and choose the network “${name}”. Then come back here, and leave this page open.`,
      go: "I have joined it",
    },
    outcome: {
      applied: {
        title: "The new firmware is on the device",
        text: (version: string) =>
          `It is used from the device's next start on. Until then ${version} runs. Should the new one not work, the device goes back by itself.`,
      },
      current: {
        title: "The firmware is up to date",
        text: (version: string) => `The device runs ${version}. There is nothing newer for it.`,
      },
      nothing: {
        title: "There is no firmware for this device",
        text: (version: string) => `Nothing is published for its model yet. It keeps ${version}.`,
      },
      behind: {
        title: "The service is behind",
        text: (version: string) =>
          `The device has seen newer information than the service has now. It keeps ${version}; try again later.`,
      },
    } satisfies Record<Outcome["state"], { title: string; text: (version: string) => string }>,
  },
  already: {
    title: "This device is already online",
    text: "It has a certificate that works. There is nothing to do.",
  },
  ways: {
    again: "Try again",
    code: "Enter the code again",
    wifi: "Use the device's Wi-Fi",
    bluetooth: "Use Bluetooth",
    signIn: "Sign in again",
    home: "Back to my devices",
    network: "Choose the Wi-Fi again",
    over: "Start over",
  },
  config: {
    title: "The app is not set up",
    text: (what: string) => `Whoever runs this page has to correct config.json: ${what}.`,
    unreachable: "Its settings cannot be loaded. Check the connection, then reload the page.",
    reload: "Reload",
  },
} as const;

export type WayOn = keyof typeof WORDS.ways;

/** What a person reads when something fails, and what they can do then. */
export interface Problem {
  readonly title: string;
  readonly text: string;
  readonly ways: readonly WayOn[];
}

const seconds = (waitS: number | undefined): string =>
  waitS === undefined || waitS <= 0 ? "" : ` Wait ${Math.ceil(waitS)} seconds, then try again.`;

const DEVICE: Readonly<Record<Trouble, (waitS: number | undefined, reason: string | undefined) => Problem>> = {
  "wrong-code": (waitS) => ({
    title: "The code does not match",
    text: `The device does not accept this code. Compare it with the label.${seconds(waitS)}`,
    ways: ["code", "again"],
  }),
  locked: (waitS) => ({
    title: "Too many wrong codes",
    text: `The device takes no code for a while, to keep strangers out.${seconds(waitS)}`,
    ways: ["again", "code"],
  }),
  busy: (waitS) => ({
    title: "The device is busy",
    text: `Another phone is talking to it. Close the app there.${seconds(waitS)}`,
    ways: ["again", "home"],
  }),
  lost: () => ({
    title: "The connection to the device is gone",
    text: "Stay close to it, and see that it has power. What was done is kept.",
    ways: ["again", "wifi", "bluetooth"],
  }),
  "not-found": () => ({
    title: "Bluetooth is not available",
    text: "Turn on Bluetooth on this phone, and allow it for the browser.",
    ways: ["again", "wifi"],
  }),
  malformed: () => ({
    title: "The device answered something unexpected",
    text: "Turn it off and on, then try again. If that does not help, its maker has to look into it.",
    ways: ["again", "over"],
  }),
  refused: () => ({
    title: "The device refused",
    text: "It is not ready for this step. Start over; nothing is lost.",
    ways: ["over", "again"],
  }),
  unsupported: () => ({
    title: "This app does not fit this device",
    text: "The device speaks another version. Reload the page to get the newest app.",
    ways: ["again", "home"],
  }),
  "foreign-name": () => ({
    title: "The device belongs to somebody else",
    text: "It accepts names of its owner's domain only. Use the app of that owner.",
    ways: ["home", "over"],
  }),
  "foreign-key": () => ({
    title: "The certificate is for another key",
    text: "The device has made a new key in the meantime. Start over to register it.",
    ways: ["over"],
  }),
  certificate: () => ({
    title: "The device does not accept the certificate",
    text: "Start over. If it happens again, whoever runs the service has to look into it.",
    ways: ["over", "again"],
  }),
  "not-stored": () => ({
    title: "The device could not save the certificate",
    text: "Its old one, if any, still works. Try again.",
    ways: ["again", "home"],
  }),
  wifi: (_, reason) => ({
    title: "The device cannot join that Wi-Fi",
    text:
      reason === "passphrase"
        ? "The password is wrong. Type it again."
        : reason === "no-network"
          ? "It does not see that network. Many devices need 2.4 GHz."
          : "The network gave it no address. Try again, or choose another one.",
    ways: ["network", "again"],
  }),
  offline: (_, reason) => ({
    title: "The device has its certificate, but is not online yet",
    text: `It keeps trying by itself, and you may leave.${reason ? ` It says: ${reason}.` : ""}`,
    ways: ["again", "home"],
  }),
  firmware: () => ({
    title: "The device refused the firmware",
    text: "It keeps the one that it has.",
    ways: ["again", "home"],
  }),
};

/** The device's own words for why it refuses (docs/firmware.md). */
const REFUSED: Readonly<Record<string, string>> = {
  tampered: "A file is not what was signed.",
  incomplete: "A file is missing.",
  "wrong-key": "It is not signed by the owner of this device.",
  expired: "Its signatures are too old, or the device's clock is wrong.",
  "security-counter": "It is below the security level that the device has reached.",
  "min-from": "The version on the device is too old for it.",
  "failed-before": "This version was tried on the device before, and did not work.",
  "too-large": "It is too large for this device.",
  malformed: "It is not in a form that the device knows.",
};

/** What is said differently when firmware is carried; nothing for all the rest. */
export function firmwareProblem(trouble: Trouble | ApiTrouble, reason: string | undefined): Problem | undefined {
  const word = reason?.split(":")[0] ?? "";
  switch (trouble) {
    case "firmware":
      return {
        title: "The device refused the firmware",
        text: `${REFUSED[word] ?? `It says: ${word || "nothing more"}.`} The device keeps the firmware that it has. If trying again does not help, tell whoever runs the service.`,
        ways: ["again", "home"],
      };
    case "lost":
      return {
        title: "The connection to the device is gone",
        text: "Stay close to it, and see that it has power. It keeps what it has received, and goes on there.",
        ways: ["again", "wifi", "bluetooth", "home"],
      };
    case "unreachable":
      return {
        title: "The service does not answer",
        text: "Firmware comes from the internet: check that this phone has it. What was fetched and handed over is kept.",
        ways: ["again", "home"],
      };
    case "strange":
      return {
        title: "The service answered something unexpected",
        text: "The device keeps the firmware that it has. Try again, or tell whoever runs the service.",
        ways: ["over", "home"],
      };
    case "unsupported":
      return {
        title: "This device takes no firmware from a phone",
        text: "It keeps the firmware that it has.",
        ways: ["home"],
      };
    case "refused":
    case "not-stored":
      return {
        title: "The device could not store the firmware",
        text: "The device keeps the firmware that it has. Try again.",
        ways: ["over", "home"],
      };
    default:
      return undefined;
  }
}

export const deviceProblem = (
  trouble: Trouble,
  waitS: number | undefined,
  reason: string | undefined,
): Problem => DEVICE[trouble](waitS, reason);

export const API: Readonly<Record<ApiTrouble, Problem>> = {
  unreachable: {
    title: "The service does not answer",
    text: "Check that this phone has internet. The device keeps its key: try again whenever you like.",
    ways: ["again", "home"],
  },
  "signed-out": {
    title: "You are signed out",
    text: "Sign in again; the onboarding goes on where it was.",
    ways: ["signIn"],
  },
  refused: {
    title: "The service does not know this device",
    text: "It is not in the list of claims, or your account may not add it. Ask whoever runs the service.",
    ways: ["again", "home"],
  },
  used: {
    title: "This device was registered before",
    text: "Another key was registered for it. If it was reset since, its owner has to release it first.",
    ways: ["home", "again"],
  },
  invalid: {
    title: "The service does not accept the device's request",
    text: "Start over; the device makes its request again.",
    ways: ["over", "home"],
  },
  strange: {
    title: "The service answered something unexpected",
    text: "Nothing was handed to the device. Try again, or tell whoever runs the service.",
    ways: ["again", "home"],
  },
};

export const UNKNOWN: Problem = {
  title: "Something went wrong in the app",
  text: "Try again. If it happens again, reload the page; the onboarding goes on where it was.",
  ways: ["again", "home"],
};
