// Draws charts as SVG elements. Texts are always text nodes: a name is never read as HTML.

const SVG = "http://www.w3.org/2000/svg";
export const COLOURS = 7; // --line0 to --line6
const LARGE = 1e5; // numbers from here on have an exponent
const PLACES = 5; // most decimals

// An element with attributes, and children that are elements or texts.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A number with few digits.
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "";
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) < LARGE ? String(rounded) : rounded.toExponential().replace("e+", "e");
}

// A mean with half of its interval, whose two digits decide the decimals; percentages have at most two.
export function meanAndHalf(mean, half, percent) {
  if (mean === null || mean === undefined) return "";
  if (!(half > 0 && half < LARGE && Math.abs(mean) < LARGE)) return half === null ? short(mean) : `${short(mean)} ± ${short(half, 2)}`;
  const exact = Math.max(0, 1 - Math.floor(Math.log10(Number(half.toPrecision(2)))));
  const places = percent && half >= 0.005 ? Math.min(exact, 2) : exact;
  return places > PLACES ? `${short(mean)} ± ${short(half, 2)}` : `${mean.toFixed(places)} ± ${half.toFixed(places)}`;
}

// A small curve without axes.
export function sparkline(points) {
  const known = points.filter((point) => point[2] !== null);
  const svg = draw("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (known.length < 2) return svg;
  const x = scale(known.map((p) => p[0]), 2, 98);
  const y = scale(known.map((p) => p[2]), 21, 3);
  svg.append(draw("polyline", { points: known.map((p) => `${x(p[0]).toFixed(1)},${y(p[2]).toFixed(1)}`).join(" ") }));
  return svg;
}

// Maps the range of some values to pixels.
function scale(values, from, to, logarithmic = false) {
  const form = logarithmic ? Math.log10 : (value) => value;
  const low = Math.min(...values.map(form));
  const high = Math.max(...values.map(form));
  const width = high - low || 1;
  return (value) => from + ((form(value) - low) / width) * (to - from);
}

// Round numbers within a range.
function ticks(low, high, logarithmic) {
  if (logarithmic) {
    const first = Math.ceil(Math.log10(low));
    const last = Math.floor(Math.log10(high));
    const decades = Array.from({ length: Math.max(0, last - first + 3) }, (_, i) => 10 ** (first - 1 + i));
    const factors = last - first < 2 ? [1, 2, 5] : [1];
    const within = decades.flatMap((decade) => factors.map((factor) => factor * decade)).filter((value) => value >= low && value <= high);
    if (within.length > 1) return within;
  }
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
  return found;
}

// A line chart. Each line: {points: [[x, y, half]...], colour, title, thin, strong}; y may be null.
export function chart({ lines, xlabel, ylabel, log = false, mark = null, dots = null, width = 520, height = 230 }) {
  const [left, right, top, bottom] = [60, 22, 10, 36];
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${ylabel} against ${xlabel}, ${lines.length} lines` });
  const drawable = (p) => p[1] !== null && p[1] !== undefined && (!log || p[1] > 0);
  const shown = lines.map((line) => ({ ...line, points: line.points.filter(drawable) })).filter((line) => line.points.length);
  const all = shown.flatMap((line) => line.points).concat(dots ?? []);
  if (!all.length) return make("p", { class: "soft" }, "Nothing to draw yet.");
  const xs = all.map((p) => p[0]);
  const ys = all.flatMap((p) => (p[2] && !log ? [p[1] - p[2], p[1] + p[2]] : [p[1]]));
  const x = scale(xs, left, width - right);
  const y = scale(ys, height - bottom, top, log);
  for (const tick of ticks(Math.min(...ys), Math.max(...ys), log)) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    svg.append(draw("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick, 3)));
  }
  for (const tick of ticks(Math.min(...xs), Math.max(...xs), false)) {
    svg.append(draw("text", { x: x(tick), y: height - bottom + 16, "text-anchor": "middle" }, short(tick, 4)));
  }
  svg.append(draw("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle", class: "label" }, xlabel));
  svg.append(draw("text", { x: -(height - bottom) / 2, y: 12, transform: "rotate(-90)", "text-anchor": "middle", class: "label" }, ylabel));
  if (mark !== null) svg.append(draw("line", { class: "mark", x1: x(mark), x2: x(mark), y1: top, y2: height - bottom }));
  for (const line of shown) svg.append(...drawn(line, x, y, log));
  for (const p of dots ?? []) svg.append(draw("circle", { class: "dot", cx: x(p[0]), cy: y(p[1]), r: 5 }));
  return svg;
}

function drawn(line, x, y, log) {
  const style = `line c${line.colour % COLOURS}${line.thin ? " thin" : ""}${line.strong ? " strong" : ""}`;
  const parts = [];
  if (!log && line.points.some((p) => p[2])) {
    const above = line.points.map((p) => `${x(p[0])},${y(p[1] + (p[2] ?? 0))}`);
    const below = line.points.map((p) => `${x(p[0])},${y(p[1] - (p[2] ?? 0))}`).reverse();
    parts.push(draw("polygon", { class: `band c${line.colour % COLOURS}`, points: [...above, ...below].join(" ") }));
  }
  const path = draw("polyline", { class: style, points: line.points.map((p) => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(" ") });
  path.append(draw("title", {}, line.title));
  parts.push(path);
  if (line.points.length === 1) parts.push(draw("circle", { class: `point c${line.colour % COLOURS}`, cx: x(line.points[0][0]), cy: y(line.points[0][1]), r: 3 }));
  return parts;
}

// The interval of a setting on an axis from low to high, with a tick for each seed.
export function interval(row, low, high, colour) {
  const place = (value) => `${(100 * Math.min(1, Math.max(0, (value - low) / (high - low || 1)))).toFixed(2)}%`;
  const svg = draw("svg", { class: `interval c${colour % COLOURS}`, role: "img", "aria-label": meanAndHalf(row.mean, row.half, false) });
  if (row.mean === null) return svg;
  if (row.half !== null) svg.append(draw("line", { class: "half", x1: place(row.mean - row.half), x2: place(row.mean + row.half), y1: "50%", y2: "50%" }));
  for (const value of row.each.filter((v) => v !== null)) svg.append(draw("line", { class: "seed", x1: place(value), x2: place(value), y1: "25%", y2: "75%" }));
  svg.append(draw("circle", { cx: place(row.mean), cy: "50%", r: 4 }));
  return svg;
}

// Values on an axis, one of them in strong colour.
export function strip(values, chosen) {
  const svg = draw("svg", { class: "strip", viewBox: "0 0 520 44", role: "img", "aria-label": "scores of all tasks" });
  const known = values.filter((value) => value !== null);
  if (!known.length) return svg;
  const x = scale(known, 12, 508);
  const dot = (value, i, style) => draw("circle", { class: style, cx: x(value), cy: 12 + ((i * 7) % 20), r: style === "dot" ? 6 : 3.5 });
  values.forEach((value, i) => value !== null && svg.append(dot(value, i, "other")));
  if (values[chosen] !== null) svg.append(dot(values[chosen], chosen, "dot"));
  svg.append(draw("text", { x: 12, y: 43 }, short(Math.min(...known))), draw("text", { x: 508, y: 43, "text-anchor": "end" }, short(Math.max(...known))));
  return svg;
}
