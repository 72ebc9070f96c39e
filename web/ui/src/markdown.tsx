/** Markdown as elements: marked cuts the text into tokens, and Preact writes every text as text. No HTML is made. */

import { Lexer, type Token, type Tokens } from "marked";
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { clean, decodeEntities, safeHref } from "./text";

/** Beyond this the text is shown as it is: the worst text of this length takes marked half a second. */
const MAX_MARKDOWN = 40_000;
/** What is shown at first of a text that is longer than that. */
const FIRST_PART = 20_000;
/** Deeper nesting than people write is shown as text. */
const MAX_DEPTH = 24;

export function Markdown({ text }: { text: string }): JSX.Element {
  return useMemo(() => {
    const whole = clean(text);
    const tokens = whole.length > MAX_MARKDOWN ? null : lex(whole);
    if (tokens === null) return <LongText text={whole} />;
    return <div class="prose">{tokens.map((token, at) => <Block key={at} token={token} depth={0} />)}</div>;
  }, [text]);
}

/** Nothing when marked gives up: it goes as deep as the text does, and a text can be deeper than the stack. */
function lex(text: string): Token[] | null {
  try {
    return Lexer.lex(text, { gfm: true, breaks: true });
  } catch {
    return null;
  }
}

function LongText({ text }: { text: string }): JSX.Element {
  const [all, setAll] = useState(false);
  const shown = all ? text : text.slice(0, FIRST_PART);
  return (
    <div class="prose">
      <p class="plain" dir="auto">{shown}</p>
      {shown.length < text.length && (
        <button type="button" class="button quiet" onClick={() => setAll(true)}>
          Show all {text.length.toLocaleString("en")} characters
        </button>
      )}
    </div>
  );
}

/** While an answer is written only its last block changes; the others keep their elements. */
function Block({ token, depth }: { token: Token; depth: number }): JSX.Element {
  return useMemo(() => <>{block(token as Tokens.Generic, depth)}</>, [token.type, token.raw, depth]);
}

function blocks(tokens: Token[] | undefined, depth: number): ComponentChildren {
  return (tokens ?? []).map((token, at) => <Block key={at} token={token} depth={depth + 1} />);
}

function block(token: Tokens.Generic, depth: number): ComponentChildren {
  if (depth > MAX_DEPTH) return token.raw;
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "paragraph":
      return <p dir="auto">{inline(token.tokens, depth)}</p>;
    case "heading":
      return heading(token as Tokens.Heading, depth);
    case "code":
      return <Code text={(token as Tokens.Code).text} language={(token as Tokens.Code).lang ?? ""} />;
    case "blockquote":
      return <blockquote dir="auto">{blocks(token.tokens, depth)}</blockquote>;
    case "list":
      return list(token as Tokens.List, depth);
    case "table":
      return table(token as Tokens.Table, depth);
    case "hr":
      return <hr />;
    case "html":
      return <p class="plain" dir="auto">{token.raw}</p>;
    case "text":
      return token.tokens ? inline(token.tokens, depth) : decodeEntities(String(token.text));
    default:
      return inline([token], depth);
  }
}

/** A reply's headings stand below the page's own h1 and h2. */
function heading(token: Tokens.Heading, depth: number): JSX.Element {
  const Level = (["h3", "h4", "h5", "h6"] as const)[Math.min(token.depth, 4) - 1] ?? "h6";
  return <Level dir="auto">{inline(token.tokens, depth)}</Level>;
}

function list(token: Tokens.List, depth: number): JSX.Element {
  const items = token.items.map((item, at) => (
    <li key={at} dir="auto" class={item.task ? "task" : undefined}>
      {item.task && <span class="box">{item.checked ? "[x] " : "[ ] "}</span>}
      {blocks(item.tokens.filter((inner) => inner.type !== "checkbox"), depth)}
    </li>
  ));
  return token.ordered ? <ol start={token.start === "" ? 1 : token.start}>{items}</ol> : <ul>{items}</ul>;
}

function table(token: Tokens.Table, depth: number): JSX.Element {
  const side = (cell: Tokens.TableCell): string | undefined => (cell.align ? `align-${cell.align}` : undefined);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>{token.header.map((cell, at) => <th key={at} scope="col" dir="auto" class={side(cell)}>{inline(cell.tokens, depth)}</th>)}</tr>
        </thead>
        <tbody>
          {token.rows.map((row, at) => (
            <tr key={at}>{row.map((cell, column) => <td key={column} dir="auto" class={side(cell)}>{inline(cell.tokens, depth)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: Token[] | undefined, depth: number): ComponentChildren {
  if (depth > MAX_DEPTH) return (tokens ?? []).map((token) => token.raw).join("");
  return (tokens ?? []).map((token) => span(token as Tokens.Generic, depth + 1));
}

function span(token: Tokens.Generic, depth: number): ComponentChildren {
  switch (token.type) {
    case "strong":
      return <strong>{inline(token.tokens, depth)}</strong>;
    case "em":
      return <em>{inline(token.tokens, depth)}</em>;
    case "del":
      return <del>{inline(token.tokens, depth)}</del>;
    case "codespan":
      return <code dir="auto">{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link href={String(token.href)} raw={token.raw}>{inline(token.tokens, depth)}</Link>;
    case "image":
      return <Link href={String(token.href)} raw={token.raw}>image: {decodeEntities(String(token.text)) || "no description"}</Link>;
    case "escape":
      return String(token.text);
    case "text":
      return token.tokens ? inline(token.tokens, depth) : decodeEntities(String(token.text));
    case "paragraph":
      return inline(token.tokens, depth);
    default:
      return token.raw;
  }
}

/** A link names the host that it leads to, unless its text does; what may not be followed is shown as it was written. */
function Link({ href, raw, children }: { href: string; raw: string; children: ComponentChildren }): JSX.Element {
  const safe = safeHref(href);
  if (safe === null) return <bdi>{raw}</bdi>;
  const host = new URL(safe).host;
  return (
    <bdi>
      <a href={safe} target="_blank" rel="noopener noreferrer" title={safe}>{children}</a>
      {host !== "" && !raw.startsWith("http") && !raw.startsWith("<") && <span class="host"> ({host})</span>}
    </bdi>
  );
}

function Code({ text, language }: { text: string; language: string }): JSX.Element {
  const [copied, setCopied] = useState<"" | "Copied" | "Select the text to copy it">("");
  const copy = (): void => {
    const done = (ok: boolean) => () => setCopied(ok ? "Copied" : "Select the text to copy it");
    // The clipboard exists only on https and on this machine.
    if (navigator.clipboard) void navigator.clipboard.writeText(text).then(done(true), done(false));
    else done(false)();
  };
  const name = language.split(/\s/)[0] ?? "";
  return (
    <div class="code">
      <div class="code-head">
        <span class="muted">{name || "text"}</span>
        <span role="status" class="muted">{copied}</span>
        <button type="button" class="button quiet" onClick={copy}>Copy<span class="sr"> this code</span></button>
      </div>
      <pre tabIndex={0} role="region" aria-label={name ? `Code, ${name}` : "Code"} dir="ltr"><code>{text}</code></pre>
    </div>
  );
}
