/** Elements, made without markup in text: nothing that comes from outside can be HTML. */

export type Child = Node | string | undefined | false;
type Listener = (event: Event) => void;
export type Attributes = Readonly<Record<string, string | boolean | Listener | undefined>>;

export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (typeof value === "string") element.setAttribute(key, value);
  }
  element.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return element;
}

export const button = (label: string, press: () => void, kind = "plain", attributes: Attributes = {}): HTMLElement =>
  h("button", { type: "button", class: kind, click: () => press(), ...attributes }, label);
