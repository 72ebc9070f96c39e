// The few lines of a renderer that the tests need: elements to text, without a browser.
import { options, type VNode } from "preact";

const VOID = new Set(["br", "hr", "img"]);

export function renderToString(node: unknown): string {
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (Array.isArray(node)) return node.map(renderToString).join("");
  if (typeof node !== "object") return escape(String(node));
  const { type, props } = node as VNode<Record<string, unknown>>;
  if (typeof type === "function") return renderToString(call(node as VNode, type as (props: unknown) => unknown, props));
  const attributes = Object.entries(props)
    .filter(([name, value]) => name !== "children" && value !== undefined && value !== null && typeof value !== "function")
    .map(([name, value]) => ` ${name}="${String(value).replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"`);
  const open = `<${type}${attributes.join("")}>`;
  return VOID.has(type as string) ? open : `${open}${renderToString(props["children"])}</${type}>`;
}

/** Hooks find their component through the options that preact/hooks installed: mangled names as in preact's mangle.json. */
function call(node: VNode, type: (props: unknown) => unknown, props: unknown): unknown {
  const hooks = options as unknown as { __b?: (node: VNode) => void; __r?: (node: VNode) => void; diffed?: (node: VNode) => void };
  const component = { props, context: {}, state: {}, __h: [], setState: () => undefined, render: type };
  Object.assign(node, { __c: component });
  hooks.__b?.(node);
  hooks.__r?.(node);
  const made = type(props);
  hooks.diffed?.(node);
  return made;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
