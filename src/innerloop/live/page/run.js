// One run: its curves, a test task by inner step, pictures, log and commands.

import { chart, make, short, strip } from "/draw.js";

const HALF = { width: 330, height: 210 }; // of a chart beside another
const shown = { key: "", task: 0, step: null };

// Draws a run into a section, again only after it has changed; hides the section without a run.
export async function showRun(section, run, ask, colour) {
  section.hidden = run === null;
  const key = run === null ? "" : `${run.id} ${run.changed} ${run.state} ${run.troubles}`;
  if (key === shown.key) return;
  if (run !== null && !shown.key.startsWith(run.id)) Object.assign(shown, { task: 0, step: null });
  shown.key = key;
  if (run === null) return;
  const detail = await ask(`/run/${run.id}`);
  if (shown.key === key) section.replaceChildren(...parts(run, detail, colour(run.algorithm)));
}

function parts(run, detail, colour) {
  const title = `${run.algorithm} on ${run.dataset}, ${run.size}${run.seed === null ? "" : `, seed ${run.seed}`}: ${run.state}`;
  return [
    make("h2", {}, title),
    make("p", { class: "soft path" }, run.folder),
    ...run.troubles.map((words) => make("p", { class: "trouble" }, words)),
    ...detail.next.map(command),
    make("div", { class: "charts" }, ...charts(run, detail, colour)),
    ...(detail.tasks.length ? [oneTask(run, detail, colour)] : []),
    ...(detail.pictures.length ? [pictures(run, detail)] : []),
    folded("log", make("pre", { tabindex: "0" }, detail.log || "nothing was logged")),
    folded("command", make("pre", { tabindex: "0" }, detail.command || "unknown")),
    folded("choices", make("dl", {}, ...Object.entries(run.choices).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]))),
  ];
}

function command(text) {
  const button = make("button", { type: "button" }, "copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  });
  return make("p", { class: "command" }, make("code", {}, text), button);
}

function folded(title, content) {
  return make("details", {}, make("summary", {}, title), content);
}

function charts(run, detail, colour) {
  const points = (curve) => curve.map((p) => [p[0], p[2]]);
  const lines = [
    { points: points(detail.training), colour, title: "training tasks, after adapting" },
    { points: points(detail.before), colour: colour + 1, title: "training tasks, before adapting", thin: true },
    { points: points(run.curve), colour: colour + 2, title: "validation", strong: true },
  ];
  const names = make("p", { class: "key" }, ...lines.filter((l) => l.points.length).map((l) => make("span", { class: `c${l.colour % 7}` }, l.title)));
  const drawn = [make("div", {}, names, chart({ lines, xlabel: "outer steps", ylabel: run.heading, log: run.log, ...HALF }))];
  if (detail.adapting.length > 1) {
    const line = { points: detail.adapting, colour, title: "mean over test tasks with its 95% interval" };
    drawn.push(make("div", {}, make("p", { class: "key" }, make("span", { class: `c${colour % 7}` }, line.title)), chart({ lines: [line], xlabel: "inner steps", ylabel: `test ${run.heading}`, log: run.log, mark: detail.scored, ...HALF })));
  }
  return drawn;
}

// A slider over the inner steps of one test task, beside all others.
function oneTask(run, detail, colour) {
  const last = detail.tasks[0].length - 1;
  shown.step ??= Math.min(detail.scored ?? last, last);
  const task = make("input", { type: "number", min: 0, max: detail.tasks.length - 1, value: shown.task, "aria-label": "test task" });
  const slider = make("input", { type: "range", min: 0, max: last, value: shown.step, "aria-label": "inner step", class: "slider" });
  const picture = make("div", { "aria-live": "polite" });
  const redraw = () => {
    shown.task = Math.min(Math.max(0, Number(task.value) || 0), detail.tasks.length - 1);
    shown.step = Number(slider.value);
    picture.replaceChildren(...ofTask(run, detail, colour));
  };
  task.addEventListener("input", redraw);
  slider.addEventListener("input", redraw);
  redraw();
  return make("article", { class: "task" }, make("h3", {}, "One test task by inner step"), make("label", {}, "task ", task), make("label", {}, "inner step ", slider), picture);
}

function ofTask(run, detail, colour) {
  const path = detail.tasks[shown.task];
  const now = detail.tasks.map((scores) => scores[shown.step]);
  const value = path[shown.step];
  const ahead = now.filter((other) => other !== null && (run.higher ? other > value : other < value)).length;
  const words = value === null ? "not finite" : `${run.heading} ${short(value)} after ${shown.step} inner steps: ${ahead} of ${now.length} tasks are better`;
  const line = { points: path.map((score, step) => [step, score]), colour, title: `task ${shown.task}` };
  return [make("p", { class: "words" }, words), ...answers(detail.answers[shown.task]), strip(now, shown.task), chart({ lines: [line], xlabel: "inner steps", ylabel: run.heading, log: run.log, height: 180, dots: value === null ? [] : [[shown.step, value]] })];
}

// What each query of a task was answered after the chosen inner step, class by class.
function answers(task) {
  const predicted = task?.predicted[shown.step];
  if (!predicted) return [];
  const classes = [...new Set(task.truth.filter((label) => label >= 0))].sort((a, b) => a - b);
  const rows = classes.flatMap((label) => {
    const own = predicted.filter((_, query) => task.truth[query] === label);
    const cells = own.map((answer) => make("span", { class: answer === label ? "right" : "wrong" }, answer === label ? `${answer}` : `${answer} ✗`));
    return [make("dt", {}, `class ${label}`), make("dd", {}, ...cells)];
  });
  return [make("dl", { class: "answers", "aria-label": "answers to the queries" }, ...rows)];
}

function pictures(run, detail) {
  const figures = detail.pictures.map(([name, drawn], number) => make("figure", {}, make("img", { class: drawn ? "drawn" : "", src: `/picture/${run.id}/${number}`, alt: name, loading: "lazy" }), make("figcaption", {}, name)));
  return folded(`${figures.length} pictures`, make("div", { class: "pictures" }, ...figures));
}
