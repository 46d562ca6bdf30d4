// Clicks in the dataset's drawings become events of their component: 'open' and 'pick' in the grid, and what data-do
// names elsewhere ('show', 'fix', 'tag', 'tick', 'stretch', 'guide', 'keep', 'out', 'turn'). A selection is shown at once; the server is only told of it.
const tiles = () => [...element.querySelectorAll(".ink-tile")];
const boxOf = (tile) => tile.querySelector("[data-pick]");
let last = null;
// What was picked here and the server may not have known when it drew: said again over a drawing until one agrees.
const said = new Map();
const mark = (tile, on) => { boxOf(tile).checked = on; tile.classList.toggle("is-picked", on); };
const pick = (tile, on, isStretch) => {
  const all = tiles(), here = all.indexOf(tile), there = all.findIndex((one) => one.dataset.id === last);
  const few = isStretch && there >= 0 ? all.slice(Math.min(here, there), Math.max(here, there) + 1) : [tile];
  few.forEach((one) => { mark(one, on); said.set(one.dataset.id, on); });
  last = tile.dataset.id;
  trigger('pick', { ids: few.map((one) => +one.dataset.id), on });
};
element.addEventListener("click", (event) => {
  const tile = event.target.closest(".ink-tile");
  if (tile && event.target.closest("[data-pick]")) return pick(tile, boxOf(tile).checked, event.shiftKey);
  if (tile && (event.shiftKey || event.ctrlKey || event.metaKey)) return pick(tile, !boxOf(tile).checked, event.shiftKey);
  if (tile && event.target.closest("[data-open]")) return trigger('open', { id: +tile.dataset.id });
  const doing = event.target.closest("[data-do]");
  if (doing) trigger(doing.dataset.do, { ...JSON.parse(doing.dataset.with || "{}"), on: !!doing.checked });
});
element.addEventListener("keydown", (event) => {
  const bar = event.target.closest("[data-do][role=button]");
  if (bar && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); bar.dispatchEvent(new MouseEvent("click", { bubbles: true })); return; }
  const tile = event.target.closest(".ink-tile");
  if (!tile || !event.key.startsWith("Arrow")) return;
  const all = tiles(), here = all.indexOf(tile);
  const across = all.filter((one) => one.offsetTop === all[0].offsetTop).length;
  const next = all[here + { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key]];
  if (next) { event.preventDefault(); next.querySelector(event.target.matches("[data-pick]") ? "[data-pick]" : "[data-open]").focus(); }
});
// A grid that lacks thumbnails asks for them, a few times at most: some pictures have none.
const asked = {};
const develop = () => {
  const lacking = [...element.querySelectorAll(".ink-tile:has([data-waiting])")].map((tile) => tile.dataset.id).join();
  if (lacking && (asked[lacking] = (asked[lacking] || 0) + 1) <= 3) trigger('develop');
};
const again = () => {
  for (const tile of tiles()) {
    const drawn = boxOf(tile).hasAttribute("checked"), id = tile.dataset.id;
    if (said.get(id) === drawn) said.delete(id);
    mark(tile, said.get(id) ?? drawn);
  }
  develop();
};
document.addEventListener("click", (event) => { if (!element.contains(event.target)) said.clear(); }, true);
watch('value', again);
develop();
