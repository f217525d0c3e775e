// Runs once. Puts Russian where the page's own English stands, while Gradio's language is Russian, whose word for it is
// all that this component shows. Knows no page: only what is HTML of ours, and which of it is somebody's data.

const OURS = ".e5-head, .e5-out, .e5-eval, .e5-list, .e5-more, .e5-try, .e5-reasons, .e5-own-about, .e5-own-choose, "
  + ".e5-picker > button";
const DATA = "[lang]:not(html), [translate=no], q, script, style";
const ATTRIBUTES = ["title", "aria-label", "aria-valuetext", "data-metric"];

const exact = new Map(), patterns = [];
for (const [english, russian] of Object.entries(RUSSIAN)) {
  exact.set(english, russian);
  if (!english.includes("{")) continue;
  const names = [...english.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
  const source = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&")
    .replace(/\{(\w+)\}/g, (_, name) => /^[a-z]$/.test(name) ? "([+−-]?[\\d.,]*\\d)" : "(.+?)");
  patterns.push({ expression: new RegExp(`^${source}$`), names, russian, length: english.length });
}
patterns.sort((a, b) => b.length - a.length); // the one that says most

function translated(text) {
  if (!/[A-Za-z]/.test(text)) return text;
  if (exact.has(text)) return exact.get(text);
  for (const { expression, names, russian } of patterns) {
    const found = expression.exec(text);
    if (!found) continue;
    const values = Object.fromEntries(names.map((name, at) =>
      [name, /^[A-Z]/.test(name) ? translated(found[at + 1]) : found[at + 1]]));
    return russian.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
  return text;
}

const said = new WeakMap(); // {node: {attribute or "": [English, Russian]}}, so that the way back is known
const isRussian = () => element.textContent.trim() === "ru";

function put(node, name, now, set) {
  const known = said.get(node) ?? {};
  const english = known[name]?.[1] === now ? known[name][0] : now;
  const [, before, words, after] = /^(\s*)(.*?)(\s*)$/s.exec(english);
  const shown = isRussian() && words ? before + translated(words.replace(/\s+/g, " ")) + after : english;
  said.set(node, { ...known, [name]: [english, shown] });
  if (shown !== now) set(shown);
}

function visit(node) {
  const holder = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
  if (!holder?.closest?.(OURS) || holder.closest(DATA)) return;
  if (holder !== node) put(node, "", node.data, (text) => { node.data = text; });
  else {
    for (const name of ATTRIBUTES) {
      if (node.hasAttribute(name)) put(node, name, node.getAttribute(name), (text) => node.setAttribute(name, text));
    }
  }
}

function visitAll(root) {
  visit(root);
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) visit(walk.currentNode);
}

// Called before the next paint, so that no English is seen first.
const observer = new MutationObserver((changes) => {
  if (changes.some(({ target }) => element.contains(target))) visitAll(document.body); // another language
  for (const { type, target, addedNodes } of changes) {
    if (type === "childList") addedNodes.forEach(visitAll);
    else visit(target);
  }
  observer.takeRecords(); // our own
});
observer.observe(document.body, {
  subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES,
});
visitAll(document.body);
