/** The element with an id. */
export function byId(id: string): HTMLElement;
export function byId<T extends HTMLElement>(id: string, type: abstract new () => T): T;
export function byId(id: string, type: abstract new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} with the id ${id}`);
  return found;
}

/** Properties of an element, attributes with a hyphen such as `aria-label`, and its text. */
type Properties<Tag extends keyof HTMLElementTagNameMap>
  = Partial<Pick<HTMLElementTagNameMap[Tag], keyof HTMLElementTagNameMap[Tag] & string>> & { readonly [attribute: `aria-${string}`]: string } & { readonly text?: string };

/** Makes an element. Text is never parsed as HTML. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, { text, ...properties }: Properties<Tag> = {}, ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('aria-')) made.setAttribute(name, String(value));
    else Object.assign(made, { [name]: value });
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}
