// The page: sends a text to /analyze and shows the answer. Whatever a person typed only ever
// becomes text nodes, never HTML.

const LABELS = ["negative", "neutral", "positive"];
const SIGNS = { negative: "−", neutral: "○", positive: "+" };

const messages = JSON.parse(document.getElementById("messages").textContent);
const at = (id) => document.getElementById(id);
const words = () => messages[document.documentElement.lang];
const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
const fill = (message, values) => message.replace(/{(\w+)}/g, (_, name) => values[name]);

let shown = null; // what the last request gave: {answer} or {problem}
let newest = 0; // number of the last request; answers to earlier ones are dropped

function element(kind, className, text = "") {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

function show() {
  at("problem").hidden = !shown?.problem;
  at("result").hidden = !shown?.answer;
  if (shown?.problem) showProblem(shown.problem);
  if (shown?.answer) showAnswer(shown.answer);
}

function showProblem({ code, detail }) {
  at("problem").textContent = words().problems[code] ?? words()[code] ?? detail;
}

function showAnswer(answer) {
  at("label").className = answer.label;
  at("label").textContent = words()[answer.label];
  at("score").textContent = percent(answer.score);
  at("mixed").hidden = !answer.mixed;
  at("bars").replaceChildren(...LABELS.flatMap((label) => bar(label, answer.probabilities[label])));
  at("sentences").replaceChildren(...sentences(answer));
  at("warnings").replaceChildren(
    ...answer.warnings.map(({ code, message }) =>
      element("li", "", words().warnings[code] ?? message)),
  );
  at("text-language").textContent = languageName(answer.language.code);
  at("coverage").textContent = coverage(answer.coverage);
  at("model").textContent = `${answer.model.name} ${answer.model.version}`;
  at("model").title = answer.model.digest;
}

function bar(label, share) {
  const track = element("div", "track");
  track.append(element("div", `bar ${label}`));
  track.firstChild.style.width = `${100 * share}%`;
  return [element("span", "", words()[label]), track, element("span", "share", percent(share))];
}

function sentences({ text, sentences }) {
  // Offsets count code points; a JavaScript string counts UTF-16 units.
  const points = Array.from(text);
  const nodes = [];
  let read = 0;
  for (const { start, end, label, score } of sentences) {
    const mark = element("mark", label, points.slice(start, end).join(""));
    mark.title = `${words()[label]} ${percent(score)}`;
    mark.dataset.score = `${SIGNS[label]} ${Math.round(100 * score)}`;
    nodes.push(points.slice(read, start).join(""), mark);
    read = end;
  }
  return [...nodes, points.slice(read).join("")];
}

function languageName(code) {
  return words().languages[code] ?? code;
}

function coverage(seen) {
  if (seen.truncated) return fill(words().tokens_cut, seen);
  return fill(seen.windows > 1 ? words().tokens_windows : words().tokens, seen);
}

async function ask(text) {
  try {
    const response = await fetch("analyze", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text, sentences: true }),
    });
    const body = await response.json();
    return response.ok ? { answer: body } : { problem: body };
  } catch {
    return { problem: { code: "no_answer" } };
  }
}

async function analyze(event) {
  event?.preventDefault();
  const mine = ++newest;
  at("analyze").ariaBusy = "true";
  at("analyze").textContent = words().analyzing;
  const given = await ask(at("text").value);
  if (mine !== newest) return;
  shown = given;
  at("analyze").ariaBusy = "false";
  at("analyze").textContent = words().analyze;
  show();
}

function switchLanguage() {
  const language = document.documentElement.lang === "zh" ? "en" : "zh";
  document.documentElement.lang = language;
  document.cookie = `language=${language}; Max-Age=31536000; SameSite=Strict`;
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = words()[node.dataset.text];
  }
  show();
}

at("form").addEventListener("submit", analyze);
at("language").addEventListener("click", switchLanguage);
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
});
for (const example of document.querySelectorAll(".example")) {
  example.addEventListener("click", () => {
    at("text").value = example.textContent;
    analyze();
  });
}
