// The page of one pipeline. Details are made when they are asked for, from the data that stands in the page.
// No text of a definition is ever read as markup: make() sets texts and attributes, nothing else.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const VERDICTS = Object.keys(data.signs);

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
    element.append(...children.filter((child) => child !== ""));
    return element;
  }
  const verdictBadge = (verdict) => make("span", { class: `verdict ${verdict}` }, `${data.signs[verdict]} ${verdict}`);

  const ticked = (text) => text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));

  // --- the model: steps by number; the last is the definition itself ---

  const fieldOf = ([source, value, target, verdict, rule, file, note]) => ({
    source, value, verdict: VERDICTS[verdict],
    target: data.texts[target], rule: data.texts[rule], file: data.texts[file], note: data.texts[note],
  });
  const fieldsOf = (step) => step.fields.map(fieldOf);
  const findingsOf = (number) => data.findings.filter((finding) => finding.step === number);
  const shortPath = (step, source) => {
    const below = step.pointer && source.startsWith(step.pointer + "/") ? source.slice(step.pointer.length + 1) : source;
    return below.replace(/^Arguments\//, "");
  };

  // --- the pictures ---

  const pictures = ["source", "target"].map((side) => {
    const svg = at(side).querySelector("svg");
    const nodes = svg ? [...svg.querySelectorAll("[data-node]")] : [];
    const edges = svg ? [...svg.querySelectorAll("[data-edge]")] : [];
    const drawn = { svg, canvas: at(side), nodes, edges, ...data.pictures[side], marked: [], ofStep: new Map() };
    nodes.forEach((node, number) => {
      const step = drawn.steps[number];
      if (!drawn.ofStep.has(step)) drawn.ofStep.set(step, []);
      drawn.ofStep.get(step).push(number);
      node.setAttribute("role", "button");
      node.setAttribute("tabindex", number ? "-1" : "0");
      node.setAttribute("aria-pressed", "false");
      node.setAttribute("aria-describedby", "keys");
      node.setAttribute("aria-label", [drawn.titles[number], step === null ? "" : data.steps[step].verdict].filter(Boolean).join(", "));
    });
    return drawn;
  });

  const numberOf = (target) => { const node = target.closest?.("[data-node]"); return node ? Number(node.dataset.node) : null; };

  /** Lights up the nodes of a step on both sides with what flows in and out; all others pale. */
  function light(step, pale = true) {
    for (const picture of pictures) {
      for (const element of picture.marked) element.classList.remove("is-lit", "is-near");
      picture.marked = [];
      picture.svg?.classList.toggle("is-lit", pale && step !== null);
      if (step === null || !picture.svg) continue;
      const own = new Set(picture.ofStep.get(step) ?? []);
      const mark = (element, name) => { element.classList.add(name); picture.marked.push(element); };
      for (const number of own) mark(picture.nodes[number], "is-lit");
      for (const edge of picture.edges) {
        const [from, to] = picture.edgeEnds[edge.dataset.edge];
        if (!own.has(from) && !own.has(to)) continue;
        mark(edge, "is-lit");
        for (const end of [from, to]) if (!own.has(end)) mark(picture.nodes[end], "is-near");
      }
    }
  }

  let chosen = null;  // the number of the step whose details are shown
  const rest = () => light(chosen, false);
  let before = null;  // what had the focus before the details

  function reveal(picture, number) {
    const node = picture.nodes[number].getBoundingClientRect(), canvas = picture.canvas.getBoundingClientRect();
    const isSeen = node.left >= canvas.left && node.right <= canvas.right && node.top >= canvas.top && node.bottom <= canvas.bottom;
    if (!isSeen) {
      picture.canvas.scrollLeft += (node.left + node.right - canvas.left - canvas.right) / 2;
      picture.canvas.scrollTop += (node.top + node.bottom - canvas.top - canvas.bottom) / 2;
    }
  }

  for (const picture of pictures) {
    const { svg, nodes, steps } = picture;
    if (!svg) continue;
    svg.addEventListener("pointerover", (event) => { const number = numberOf(event.target); number === null ? rest() : light(steps[number]); });
    svg.addEventListener("pointerleave", rest);
    svg.addEventListener("focusin", (event) => { const number = numberOf(event.target); if (number !== null) { light(steps[number]); reveal(picture, number); } });
    svg.addEventListener("focusout", rest);
    svg.addEventListener("click", (event) => {
      const number = numberOf(event.target);
      if (number !== null) { move(number, false); choose(steps[number]); }
    });
    svg.addEventListener("keydown", (event) => {
      const number = numberOf(event.target);
      if (number === null) return;
      const next = { ArrowDown: number + 1, ArrowRight: number + 1, ArrowUp: number - 1, ArrowLeft: number - 1, Home: 0, End: nodes.length - 1 }[event.key];
      if (next !== undefined) move(Math.min(Math.max(next, 0), nodes.length - 1), true);
      else if (event.key === "Enter" || event.key === " ") choose(steps[number], { focus: true });
      else return;
      event.preventDefault();
    });
    function move(number, focus) {
      for (const node of nodes) node.setAttribute("tabindex", "-1");
      nodes[number].setAttribute("tabindex", "0");
      if (focus) nodes[number].focus({ preventScroll: true });
    }
  }

  // --- details of a step ---

  function choose(number, { focus = false, field = null } = {}) {
    if (number === null || number < 0) return;
    chosen = number;
    const step = data.steps[number];
    for (const picture of pictures) {
      picture.nodes.forEach((node, each) => {
        node.classList.toggle("is-chosen", picture.steps[each] === number);
        node.setAttribute("aria-pressed", String(picture.steps[each] === number));
      });
      const first = picture.ofStep.get(number)?.[0];
      if (first !== undefined) reveal(picture, first);
    }
    rest();
    at("details-title").textContent = step.title;
    at("details-body").replaceChildren(...details(number, field));
    at("details").scrollTop = 0;
    history.replaceState(null, "", `#step=${encodeURIComponent(step.name)}`);
    const found = at("details").querySelector(".is-found");
    if (focus) { before = document.activeElement; at("details-title").focus({ preventScroll: true }); }
    if (focus || found) (found ?? at("details")).scrollIntoView({ block: found ? "center" : "nearest" });
    say(`${step.label}${step.verdict ? `: ${step.verdict}` : ""}, ${step.fields.length} fields. Its details are shown.`);
  }

  function* details(number, wanted) {
    const step = data.steps[number];
    if (step.verdict) yield make("p", {}, verdictBadge(step.verdict), ` ${data.meanings[step.verdict]}`);
    if (step.name) yield facts([["type", step.type], ["becomes", step.target]]);
    const findings = findingsOf(number);
    if (findings.length) {
      yield make("h3", {}, "Findings");
      yield make("ul", { class: "found" }, ...findings.map(finding));
    }
    if (step.machine) {
      yield make("h3", {}, "Machine");
      yield facts(data.machineColumns.map((column, number) => [column, step.machine[number]]));
    }
    if (step.name) {
      yield make("h3", {}, "Data flow");
      yield facts(flow(number));
    }
    yield make("h3", {}, "Fields");
    yield* fieldList(step, wanted);
    if (step.claims.length) {
      yield make("h3", {}, "What the rules rest on");
      yield make("ul", {}, ...step.claims.flatMap((table) => data.claims[table]).map(claim));
    }
    if (step.code.length) {
      yield make("h3", {}, "Generated code");
      for (const [each, [path, text]] of step.code.entries()) {
        const block = make("pre", { tabindex: "0" }, make("code", {}, text));
        yield make("details", each ? {} : { open: "" }, make("summary", {}, make("code", {}, path)), block);
      }
    }
  }

  function facts(pairs) {
    return make("dl", { class: "facts" }, ...pairs.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
  }

  function finding({ severity, code, message, help }) {
    return make("li", {}, make("b", { class: `is-${severity}` }, `${data.severitySigns[severity]} ${code}`), ` ${message}`, make("p", { class: "soft" }, ...ticked(help)));
  }

  function flow(number) {
    const arrows = { "takes": [0, 1], "gives": [1, 0] };
    const pairs = [];
    for (const [name, picture] of [["SageMaker", pictures[0]], ["Vertex AI", pictures[1]]]) {
      const own = new Set(picture.ofStep.get(number) ?? []);
      for (const [verb, [other, self]] of Object.entries(arrows)) {
        const ends = picture.edgeEnds.filter((edge) => own.has(edge[self]) && !own.has(edge[other]));
        const texts = ends.map((edge) => `${picture.titles[edge[other]]}${edge[2] ? ` (${edge[2]})` : ""}`);
        pairs.push([`${name} ${verb}`, texts.join(", ") || "nothing"]);
      }
    }
    return pairs;
  }

  function* fieldList(step, wanted) {
    const fields = fieldsOf(step);
    const list = make("ul", {}, ...fields.map((field) => fieldItem(step, field, wanted)));
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => [...list.children].forEach((item, number) => {
      item.hidden = box.checked && fields[number].verdict === "exact";
    }));
    const rest = fields.filter(({ verdict }) => verdict !== "exact").length;
    if (rest < fields.length) yield make("label", { class: "only" }, box, `only the ${rest} of ${fields.length} that are not exact`);
    yield list;
  }

  function fieldItem(step, field, wanted) {
    const item = make("li", { class: `field${field.source === wanted ? " is-found" : ""}` },
      make("div", { class: "path" }, make("code", { title: field.source }, shortPath(step, field.source)), verdictBadge(field.verdict)),
      make("code", { class: "value" }, field.value),
      make("p", {}, "→ ", field.target || "nothing: it is dropped"));
    if (field.note) item.append(make("p", {}, field.note));
    item.append(make("p", { class: "soft rule" }, "rule ", make("code", {}, field.rule), field.file && ` in ${field.file}`));
    return item;
  }

  function claim({ title, url, checked }) {
    const link = url.startsWith("https://") ? make("a", { href: url, rel: "noreferrer" }, title) : `${title} (${url})`;
    return make("li", {}, link, make("span", { class: "soft" }, ` checked ${checked}`));
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-open]");
    if (button) choose(Number(button.dataset.open), { focus: true, field: button.dataset.field ?? null });
  });
  at("details").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && before?.isConnected) before.focus();
  });

  // --- filter and search ---

  const search = at("search"), results = at("results"), chips = [...document.querySelectorAll("[data-verdict]")];
  const MOST = 100;
  const say = (text) => { at("status").textContent = text; };
  let entries = null;  // all that can be found, made when it is first needed

  function* everything() {
    for (const [number, step] of data.steps.entries()) {
      yield { number, kind: "step", text: step.label, words: `${step.name} ${step.type} ${step.target}` };
    }
    for (const { step, code, message } of data.findings) {
      const text = `${code} ${data.steps[step].label}: ${message}`;
      yield { number: step, kind: "finding", text, words: text };
    }
    for (const [number, step] of data.steps.entries()) {
      for (const field of fieldsOf(step)) {
        const text = `${step.label}: ${shortPath(step, field.source)} = ${field.value}`;
        const words = `${field.source} ${field.value} ${field.target} ${field.note} ${field.rule}`;
        yield { number, kind: "field", field: field.source, text, words };
      }
    }
  }

  function found(query) {
    entries ??= [...everything()].map((entry) => ({ ...entry, words: entry.words.toLowerCase() }));
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return entries.filter((entry) => words.every((word) => entry.words.includes(word)));
  }

  function narrow() {
    const verdicts = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.verdict);
    const query = search.value.trim();
    const hits = query ? found(query) : [];
    const withHits = new Set(hits.map((entry) => entry.number));
    const isShown = (number) => (!verdicts.length || verdicts.includes(data.steps[number].verdict)) && (!query || withHits.has(number));
    const shown = data.steps.map((_, number) => isShown(number));
    for (const picture of pictures) {
      picture.nodes.forEach((node, number) => node.classList.toggle("is-off", (verdicts.length > 0 || query !== "") && !shown[picture.steps[number]]));
    }
    for (const element of document.querySelectorAll("[data-step]")) element.hidden = !shown[element.dataset.step];
    const hideEmpty = (selector, part) => {
      for (const element of document.querySelectorAll(selector)) element.hidden = !element.querySelector(`${part}:not([hidden])`);
    };
    hideEmpty(".finding", "li");
    hideEmpty(".severity", ".finding");
    hideEmpty("#all-machines", "tr[data-step]");
    at("no-findings").hidden = !document.querySelector(".severity") || document.querySelector(".severity:not([hidden])") !== null;
    const listed = hits.filter((entry) => !verdicts.length || verdicts.includes(data.steps[entry.number].verdict));
    list(listed, query);
    const steps = shown.filter((is, number) => is && data.steps[number].name).length;
    const all = data.steps.length - 1;
    say(query || verdicts.length ? `${query ? `${listed.length} found, in ` : ""}${steps} of ${all} steps` : "");
  }

  function list(hits, query) {
    results.hidden = !query;
    const items = hits.slice(0, MOST).map((hit) => {
      const button = make("button", { type: "button", class: "plain", "data-open": hit.number, "data-field": hit.field }, clipped(hit.text));
      return make("li", {}, make("span", { class: "kind" }, hit.kind), button);
    });
    if (hits.length > MOST) items.push(make("li", { class: "soft" }, `and ${hits.length - MOST} more`));
    if (!hits.length) items.push(make("li", { class: "soft" }, "Nothing was found."));
    results.replaceChildren(...items);
  }
  const clipped = (text) => (text.length > 200 ? `${text.slice(0, 199)}…` : text);

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      narrow();
    });
  }
  search.addEventListener("input", narrow);
  document.querySelector(".toolbar").addEventListener("keydown", (event) => {
    if (event.key === "Escape") { search.value = ""; narrow(); search.focus(); }
    if (event.key === "ArrowDown" && event.target === search) { results.querySelector("button")?.focus(); event.preventDefault(); }
  });
  results.addEventListener("keydown", (event) => {
    const item = event.target.closest("li");
    const next = { ArrowDown: item?.nextElementSibling, ArrowUp: item?.previousElementSibling }[event.key];
    if (event.key === "Escape") search.focus();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { (next?.querySelector("button") ?? search).focus(); event.preventDefault(); }
  });

  // --- print: what is not exact, of every step ---

  addEventListener("beforeprint", () => {
    const parts = data.steps.map((step) => {
      const fields = fieldsOf(step).filter(({ verdict }) => verdict !== "exact");
      const exact = step.fields.length - fields.length;
      const rows = fields.map((field) => make("tr", {},
        make("td", {}, make("code", {}, shortPath(step, field.source))), make("td", {}, make("code", {}, clipped(field.value))),
        make("td", {}, field.target || "dropped"), make("td", {}, verdictBadge(field.verdict)), make("td", {}, field.note)));
      const head = make("tr", {}, ...["field", "value", "becomes", "verdict", "note"].map((text) => make("th", {}, text)));
      return make("article", {}, make("h3", {}, step.title, " ", step.verdict ? verdictBadge(step.verdict) : ""),
        step.name ? make("p", {}, `${step.type} → ${step.target}`) : "",
        rows.length ? make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)) : "",
        make("p", { class: "soft" }, exact ? `${exact} more fields mean exactly the same.` : ""));
    });
    at("print").replaceChildren(make("h2", {}, "All steps in detail"), ...parts);
    at("print").hidden = false;
  });
  addEventListener("afterprint", () => { at("print").hidden = true; at("print").replaceChildren(); });

  const asked = new URLSearchParams(location.hash.slice(1)).get("step");
  if (asked !== null) choose(data.steps.findIndex(({ name }) => name === asked));
}
