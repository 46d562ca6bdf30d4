
// A cut drawn on the picture up close, by mouse, pen or finger: a drag on the picture draws a new one, inside the cut moves
// it, at a corner stretches it. It keeps the shape that training would use unless the switch says otherwise. What it comes
// to in pixels and its nearest shape are told while it is drawn; the server hears of it once, as 'cut'.
const LEAST = 0.1;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const isFree = () => !!document.querySelector("#ink-cut-free input")?.checked;
const told = (frame) => JSON.parse(frame.dataset.cut);
const nearest = (sizes, shape) => sizes.reduce((best, size) => Math.abs(Math.log(size[0] / size[1] / shape)) < Math.abs(Math.log(best[0] / best[1] / shape)) ? size : best);
let drag = null;

const show = (frame, box) => {
  let cut = frame.querySelector(".ink-look-cut");
  if (!cut) { cut = document.createElement("span"); cut.className = "ink-look-cut"; cut.innerHTML = "<i></i><i></i><i></i><i></i>"; frame.append(cut); }
  Object.assign(cut.style, { left: `${100 * box[0]}%`, top: `${100 * box[1]}%`, width: `${100 * (box[2] - box[0])}%`, height: `${100 * (box[3] - box[1])}%` });
  const { size, sizes } = told(frame);
  const wide = Math.max(1, Math.round((box[2] - box[0]) * size[0])), high = Math.max(1, Math.round((box[3] - box[1]) * size[1]));
  let words = frame.querySelector(".ink-look-size");
  if (!words) { words = document.createElement("output"); words.className = "ink-look-size"; frame.append(words); }
  const near = sizes.length ? nearest(sizes, wide / high) : null;
  words.textContent = `${wide} × ${high}` + (near ? ` → ${near[0]} × ${near[1]}` : "");
};

// From a fixed corner to the pointer: at least a tenth each way, inside the picture, in the wanted shape.
const stretched = (frame, from, to) => {
  const { size, shape } = told(frame);
  const right = to[0] >= from[0], down = to[1] >= from[1];
  const room = [right ? 1 - from[0] : from[0], down ? 1 - from[1] : from[1]];
  let across = clamp(Math.abs(to[0] - from[0]), LEAST, Math.max(LEAST, room[0]));
  let along = clamp(Math.abs(to[1] - from[1]), LEAST, Math.max(LEAST, room[1]));
  if (!isFree() && shape) {
    const share = shape * size[1] / size[0]; // shares of the picture: across for one along
    across = Math.max(across, along * share);
    across = clamp(across, Math.max(LEAST, LEAST * share), Math.min(room[0], room[1] * share));
    along = across / share;
  }
  const left = clamp(right ? from[0] : from[0] - across, 0, 1 - across), top = clamp(down ? from[1] : from[1] - along, 0, 1 - along);
  return [left, top, left + across, top + along];
};

const at = (frame, event) => {
  const box = frame.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1)];
};

element.addEventListener("pointerdown", (event) => {
  const frame = event.target.closest("[data-cut]");
  if (!frame || event.button > 0 || !event.isPrimary) return;
  event.preventDefault();
  const here = at(frame, event), held = told(frame).crop, corner = event.target.closest(".ink-look-cut i");
  drag = { frame, start: here, box: null, held, from: here };
  if (corner && held) {
    const n = [...corner.parentNode.children].indexOf(corner); // the one across stays where it is
    drag.from = [n % 2 ? held[0] : held[2], n > 1 ? held[1] : held[3]];
  } else if (held && here[0] > held[0] && here[0] < held[2] && here[1] > held[1] && here[1] < held[3]) {
    drag.from = null;
  }
  frame.setPointerCapture(event.pointerId);
});
element.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const { frame, start, held, from } = drag, here = at(frame, event), bounds = frame.getBoundingClientRect();
  if (!drag.box && Math.hypot((here[0] - start[0]) * bounds.width, (here[1] - start[1]) * bounds.height) < 6) return;
  if (from) drag.box = stretched(frame, from, here);
  else {
    const dx = clamp(here[0] - start[0], -held[0], 1 - held[2]), dy = clamp(here[1] - start[1], -held[1], 1 - held[3]);
    drag.box = [held[0] + dx, held[1] + dy, held[2] + dx, held[3] + dy];
  }
  show(frame, drag.box);
});
const end = (event) => {
  if (!drag) return;
  const { frame, box, held } = drag;
  drag = null;
  if (!box) return;
  if (event.type === "pointerup") return trigger('cut', { crop: box, id: told(frame).id });
  frame.querySelector(".ink-look-size")?.remove();
  if (held) show(frame, held); else frame.querySelector(".ink-look-cut")?.remove();
};
element.addEventListener("pointerup", end);
element.addEventListener("pointercancel", end);
