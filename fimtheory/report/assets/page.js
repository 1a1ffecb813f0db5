"use strict";
const source = (math) => math.querySelector("annotation").textContent;

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.body.appendChild(document.createElement("textarea"));
  area.value = text;
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button.copy");
  if (!button) return;
  const done = await copy(source(button.closest("[data-equation]").querySelector("math"))).then(() => true, () => false);
  button.textContent = done ? "copied" : "failed";
  button.classList.toggle("done", done);
  setTimeout(() => { button.textContent = "LaTeX"; button.classList.remove("done"); }, 1600);
});

// Selected text is copied with its formulas as LaTeX.
document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || document.activeElement.tagName === "TEXTAREA") return;
  const range = selection.getRangeAt(0);
  const inside = (node) => (node.nodeType === 1 ? node : node.parentElement).closest("math");
  const [first, last] = [inside(range.startContainer), inside(range.endContainer)];
  if (!first && !last && !range.cloneContents().querySelector("math")) return;
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const fragment = range.cloneContents();
  for (const math of fragment.querySelectorAll("math")) {
    const display = math.getAttribute("display") === "block";
    math.replaceWith(display ? `\n\\[ ${source(math)} \\]\n` : `$${source(math)}$`);
  }
  for (const button of fragment.querySelectorAll("button")) button.remove();
  event.clipboardData.setData("text/plain", fragment.textContent.trim());
  event.preventDefault();
});

const theme = document.querySelector("button.theme");
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
theme.hidden = false;

// Mark the section being read in the table of contents.
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a]));
const reading = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const link = links.get(target.id);
    if (isIntersecting) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-25% 0px -74% 0px" });
for (const section of document.querySelectorAll("section[id]")) reading.observe(section);
