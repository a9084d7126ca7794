// The page: asks the server every few seconds and redraws what has changed.

import { chart, interval, make, meanAndHalf, short, sparkline } from "/draw.js";
import { showRun } from "/run.js";

const PAUSE = 3000; // milliseconds between two requests
const MANY = 12; // lines above which a chart draws them thin
const ROWS = 12; // of a leaderboard before the rest is folded
const STATES = ["running", "finished", "failed", "stopped"];
const find = (id) => document.getElementById(id);
const rows = new Map(); // of the table, by run
const state = { runs: [], boards: [], filter: "", axis: "steps", chosen: null, drawn: "", whole: new Set() };

async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// Whether a run meets every word: KEY=VALUE, or part of its name.
function meets(run, words) {
  return words.every((word) => {
    const [key, value] = word.split(/=(.*)/s);
    if (value === undefined) return run.text.includes(word.toLowerCase());
    const own = key === "setting" ? value : run.choices[key] ?? run[key];
    return own !== undefined && String(own) === value;
  });
}

const shownRuns = () => state.runs.filter((run) => meets(run, state.filter.split(/\s+/).filter(Boolean)));

// The colour of a run: that of its algorithm.
function colour(name) {
  const known = [...new Set(state.runs.map((run) => run.algorithm))].sort();
  return Math.max(0, known.indexOf(name));
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129600 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86400)} d`;
}

function best(run) {
  const values = run.curve.map((p) => p[2]).filter((v) => v !== null);
  return values.length ? (run.higher ? Math.max(...values) : Math.min(...values)) : null;
}

function time(run) {
  if (run.left !== null) return `${duration(Math.max(0, run.left))} left`;
  return `${duration(Math.max(0, Date.now() / 1000 - run.changed))} ago`;
}

const whole = (number) => number.toLocaleString("en");

function rowOf(run) {
  const bar = make("progress", { max: run.steps || 1, value: Math.min(run.step, run.steps || 1), "aria-label": "outer steps" });
  const name = make("button", { type: "button" }, make("span", { class: `state ${run.state}`, title: run.state }), `${run.algorithm} ${run.dataset} ${run.size}${run.seed === null ? "" : ` seed${run.seed}`}`);
  name.addEventListener("click", () => choose(run.id));
  const test = meanAndHalf(run.mean, run.half, run.heading.includes("%"));
  const first = make("th", { scope: "row" }, name, make("div", { class: "soft" }, run.sweep === "." ? run.name : `${run.sweep}/${run.name}`));
  for (const words of run.troubles) first.append(make("p", { class: "trouble" }, words));
  const done = make("div", { class: "soft" }, run.steps === null ? run.state : `${whole(run.step)} of ${whole(run.steps)}`);
  return make("tr", { "data-run": run.id }, first, make("td", {}, bar, done), make("td", { class: `c${colour(run.algorithm) % 7}` }, sparkline(run.curve)),
    make("td", { class: "number", "data-heading": "best validation" }, short(best(run))), make("td", { class: "number", "data-heading": "test" }, test), make("td", { class: "time" }, time(run)));
}

// Replaces only the rows whose content has changed.
function drawRuns(shown) {
  const table = find("runs");
  const order = shown.map((run) => {
    const content = JSON.stringify(run) + time(run);
    if (rows.get(run.id)?.content !== content) rows.set(run.id, { content, row: rowOf(run) });
    const { row } = rows.get(run.id);
    row.classList.toggle("chosen", run.id === state.chosen);
    return row;
  });
  if (order.length !== table.children.length || order.some((row, i) => row !== table.children[i])) table.replaceChildren(...order);
  find("none").hidden = shown.length > 0;
}

function drawStates() {
  const buttons = STATES.map((name) => {
    const button = make("button", { type: "button", "aria-pressed": String(state.filter.includes(`state=${name}`)) }, make("span", { class: `state ${name}` }), `${state.runs.filter((run) => run.state === name).length} ${name}`);
    button.addEventListener("click", () => toggle("state", name));
    return button;
  });
  const faulty = state.runs.filter((run) => run.troubles.length).length;
  find("states").replaceChildren(...buttons, ...(faulty ? [make("span", { class: "trouble" }, `${faulty} with troubles`)] : []));
}

function drawCurves(shown) {
  const metrics = [...new Set(shown.filter((run) => run.curve.length).map((run) => run.heading))];
  const place = { steps: (run, p) => p[0], minutes: (run, p) => p[1], tasks: (run, p) => p[0] * run.tasks }[state.axis];
  const label = { steps: "outer steps", minutes: "minutes of training", tasks: "training tasks" }[state.axis];
  const charts = metrics.map((heading) => {
    const runs = shown.filter((run) => run.heading === heading);
    const lines = runs.map((run) => ({ points: run.curve.map((p) => [place(run, p), p[2]]), colour: colour(run.algorithm), title: run.name, thin: runs.length > MANY, strong: run.id === state.chosen }));
    return chart({ lines, xlabel: label, ylabel: `validation ${heading}`, log: runs[0].log });
  });
  const names = [...new Set(shown.map((run) => run.algorithm))].sort();
  const key = make("p", { class: "key" }, ...names.map((name) => make("span", { class: `c${colour(name) % 7}` }, name)));
  find("curves").replaceChildren(key, ...charts);
}

function drawBoards(shown) {
  const known = new Set(shown.map((run) => run.id));
  const boards = state.boards.map((board) => ({ ...board, rows: board.rows.filter((row) => row.runs.some((run) => known.has(run))) })).filter((board) => board.rows.length);
  find("boards").replaceChildren(...(boards.length ? boards.map(drawBoard) : [make("p", { class: "soft" }, "No run has finished yet.")]));
}

function drawBoard(board) {
  const ends = board.rows.filter((row) => row.mean !== null).flatMap((row) => [row.mean, ...row.each.filter((v) => v !== null), ...(row.half !== null && row.seeds.length !== 2 ? [row.mean - row.half, row.mean + row.half] : [])]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = 0.04 * (high - low || 1);
  const body = board.rows.map((row) => {
    const certainty = row.p === null ? "" : `${row.p < 0.001 ? "< 0.001" : short(row.p, 2)}${row.about === "methods" ? "" : " *"}`;
    const run = make("button", { type: "button" }, row.label);
    run.addEventListener("click", () => row.runs.length && choose(row.runs[0]));
    const number = meanAndHalf(row.mean, row.half, board.heading.includes("%"));
    const behind = row.behind === null ? "" : `${row.behind < 0 ? "+" : ""}${short(-row.behind, 3)}`;
    const cells = [[board.heading, row.mean === null ? "not finite" : number], ["95% over", row.over], ["to the first", behind], ["p", certainty]];
    return make("tr", {}, make("th", { scope: "row" }, run), make("td", { class: "bar" }, interval(row, low - margin, high + margin, colour(row.label.split(",")[0]))), ...cells.map(([heading, text]) => make("td", { class: heading === "95% over" ? "" : "number", "data-heading": heading }, text)));
  });
  const heads = ["setting", "", board.heading, "95% over", "to the first", "p"].map((text) => make("th", { scope: "col" }, text));
  body.slice(ROWS).forEach((row) => row.classList.add("rest"));
  const table = make("table", {}, make("caption", {}, board.title), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...body));
  const star = board.rows.some((row) => row.about === "these checkpoints") ? [make("p", { class: "soft" }, "* over the shared test tasks, about these checkpoints only; three seeds of each compare methods. p is against the first row, by Holm.")] : [];
  const article = make("article", { class: state.whole.has(board.title) ? "whole" : "" }, make("p", { class: "finding" }, board.finding), make("div", { class: "wide" }, table), ...star);
  if (body.length > ROWS) article.append(unfold(article, board.title, body.length));
  return article;
}

function unfold(article, title, count) {
  const words = () => (state.whole.has(title) ? "show fewer" : `show all ${count}`);
  const button = make("button", { type: "button" }, words());
  button.addEventListener("click", () => {
    if (!state.whole.delete(title)) state.whole.add(title);
    article.classList.toggle("whole");
    button.textContent = words();
  });
  return button;
}

function drawChoices(shown) {
  const counts = new Map();
  for (const run of shown) for (const [key, value] of Object.entries(run.choices)) {
    if (!counts.has(key)) counts.set(key, new Map());
    counts.get(key).set(value, (counts.get(key).get(value) ?? 0) + 1);
  }
  const differing = [...counts].filter(([, values]) => values.size > 1 && values.size <= 40);
  const chosen = differing.filter(([key]) => !follows(key, shown));
  const rest = differing.filter(([key]) => follows(key, shown));
  const words = `${rest.length} more keys, which follow from these choices`;
  const folded = rest.length ? [make("details", {}, make("summary", {}, words), make("dl", {}, ...rest.flatMap(choice)))] : [];
  const open = find("choices").querySelector("details")?.open ?? false;
  find("choices").replaceChildren(make("dl", {}, ...chosen.flatMap(choice)), ...folded);
  folded.forEach((details) => { details.open = open; });
}

// Whether a key belongs to an algorithm or a data set that differs itself, or names a class.
function follows(key, shown) {
  const section = key.split(".")[0];
  const differs = ["algorithm", "dataset"].includes(section) && new Set(shown.map((run) => run[section])).size > 1;
  return differs || key.split(".").at(-1).startsWith("_");
}

// A key with a button for each of its values.
function choice([key, values]) {
  const buttons = [...values].map(([value, count]) => {
    const button = make("button", { type: "button" }, `${value} (${count})`);
    button.addEventListener("click", () => toggle(key, value));
    return button;
  });
  return [make("dt", {}, key), make("dd", {}, ...buttons)];
}

function toggle(key, value) {
  if (/\s/.test(value)) return;
  const word = `${key}=${value}`;
  const words = state.filter.split(/\s+/).filter((w) => w && (w === word || key !== "state" || !w.startsWith("state=")));
  setFilter(words.includes(word) ? words.filter((w) => w !== word).join(" ") : [...words, word].join(" "));
}

function setFilter(text) {
  state.filter = text;
  find("filter").value = text;
  draw();
}

function choose(run) {
  state.chosen = state.chosen === run ? null : run;
  location.hash = state.chosen ?? "";
  draw();
  if (state.chosen) find("run").scrollIntoView({ block: "nearest" });
}

function draw() {
  const shown = shownRuns();
  const chosen = state.runs.find((run) => run.id === state.chosen) ?? null;
  drawRuns(shown);
  showRun(find("run"), chosen, ask, colour);
  const content = JSON.stringify([shown, state.boards, state.axis, state.chosen]);
  if (content === state.drawn) return;
  state.drawn = content;
  drawStates();
  drawBoards(shown);
  drawCurves(shown);
  drawChoices(shown);
  const some = state.filter ? `?runs=${shown.filter((run) => run.mean !== null).map((run) => run.id).join(",")}` : "";
  find("freeze").href = `/report.html${some}`;
}

async function refresh() {
  try {
    const answer = await ask("/runs");
    state.runs = answer.runs.map((run) => ({ ...run, text: `${run.algorithm} ${run.dataset} ${run.size} seed${run.seed} ${run.name} ${run.sweep}`.toLowerCase() }));
    find("outputs").textContent = answer.outputs;
    find("status").textContent = "";
    draw();
    performance.mark("drawn");
    state.boards = await ask("/boards");
    draw();
  } catch (error) {
    find("status").textContent = `no answer: ${error.message}`;
  }
}

async function repeat() {
  if (!document.hidden) await refresh();
  setTimeout(repeat, PAUSE);
}

find("filter").addEventListener("input", (event) => setFilter(event.target.value));
find("axis").addEventListener("change", (event) => { state.axis = event.target.value; draw(); });
state.chosen = location.hash.slice(1) || null;
window.refresh = refresh; // for the console
repeat();
