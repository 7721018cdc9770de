// The page of a portfolio: tables that are shown page by page, sorted and filtered.
// No text of a definition is ever read as markup: make() sets texts and attributes, nothing else.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const VERDICTS = Object.keys(data.signs), SEVERITIES = Object.keys(data.severitySigns);
  const ROWS = { pipelines: 25 }, FEWER_ROWS = 10, NAMED = 3;
  const PRINTED = { pipelines: 1000 }, FEWER_PRINTED = 50;
  const counted = (number, what) => (number === 1 ? `1 ${what}` : `${number.toLocaleString("en")} ${what}s`);

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }
  const ticked = (text) => text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));

  // --- cells: how each kind is shown, and what it is sorted by ---

  const clipped = (name) => (name.length > 80 ? `${name.slice(0, 79)}…` : name);
  const pipeline = (number) => {
    const title = `${data.names[number]}: ${data.files[number]}`, name = data.labels[number];
    return data.pages[number] ? make("a", { href: data.pages[number], title }, name) : make("span", { title }, name);
  };
  function pipelines(numbers, label) {
    if (numbers.length <= NAMED) return numbers.map((number) => make("div", {}, pipeline(number)));
    const button = make("button", { type: "button", class: "plain" }, counted(numbers.length, "pipeline"));
    button.addEventListener("click", () => choose(numbers, label));
    return [button];
  }
  const plain = (cell) => [String(cell)];
  const asIs = (cell) => cell;
  const KINDS = {
    text: { show: plain, order: asIs },
    code: { show: (cell) => [make("code", {}, cell)], order: asIs },
    help: { show: ticked, order: asIs },
    // an amount is a value to sort by, and its text
    number: { show: (cell) => [cell.toLocaleString("en")], order: asIs, most: true },
    amount: { show: ([, text]) => [text], order: ([value]) => value, most: true },
    verdict: { show: (cell) => [make("span", { class: `verdict ${cell}` }, `${data.signs[cell]} ${cell}`)], order: (cell) => VERDICTS.indexOf(cell), most: true },
    severity: { show: (cell) => [make("span", { class: `is-${cell}` }, `${data.severitySigns[cell]} ${cell === "info" ? "note" : cell}`)], order: (cell) => SEVERITIES.indexOf(cell) },
    pipeline: { show: (cell) => [pipeline(cell)], order: (cell) => data.names[cell] },
    pipelines: { show: pipelines, order: (cell) => cell.length, most: true },
  };
  const CLASSES = { number: "number", amount: "number", pipeline: "is-name", help: "is-help", text: "is-text" };
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (one, other) => (typeof one === "string" ? collator.compare(one, other) : one - other);

  // --- a table ---

  /** Shows the rows for which `isShown` holds; pages are counted from 0. */
  function table(host, name, isShown = () => true) {
    const { caption, columns, rows } = data.tables[name];
    const size = ROWS[name] ?? FEWER_ROWS;
    const state = { page: 0, column: null, down: false };
    const headings = columns.map(([text, kind], column) => {
      const button = make("button", { type: "button" }, text);
      button.addEventListener("click", () => sort(column));
      return make("th", { scope: "col", class: CLASSES[kind] }, button);
    });
    const body = make("tbody"), words = make("p", { class: "soft", role: "status" });
    const back = make("button", { type: "button", "aria-label": `${caption}: the rows before` }, "← Back");
    const on = make("button", { type: "button", "aria-label": `${caption}: the next rows` }, "Next →");
    const pager = make("nav", { class: "pager", "aria-label": `Pages of: ${caption}` }, back, on, words);
    back.addEventListener("click", () => turn(-1));
    on.addEventListener("click", () => turn(1));
    const head = make("thead", {}, make("tr", {}, ...headings));
    const shown = make("table", {}, make("caption", { class: "unseen" }, caption), head, body);
    host.append(make("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption }, shown), pager);
    let found = rows;

    function sort(column) {
      const { most } = KINDS[columns[column][1]];
      state.down = state.column === column ? !state.down : most === true;
      Object.assign(state, { column, page: 0 });
      headings.forEach((heading, number) => {
        if (number === column) heading.setAttribute("aria-sort", state.down ? "descending" : "ascending");
        else heading.removeAttribute("aria-sort");
      });
      refresh();
    }
    function turn(pages) {
      state.page += pages;
      draw();
      if (document.activeElement === document.body || document.activeElement.disabled) (back.disabled ? on : back).focus();
    }
    function refresh() {
      found = rows.filter(isShown);
      if (state.column !== null) {
        const { order } = KINDS[columns[state.column][1]];
        const sign = state.down ? -1 : 1, column = state.column;
        found.sort((one, other) => sign * compare(order(one[column]), order(other[column])));
      }
      draw();
    }
    function draw(all = false) {
      const begin = all ? 0 : state.page * size, end = Math.min(begin + (all ? (PRINTED[name] ?? FEWER_PRINTED) : size), found.length);
      body.replaceChildren(...found.slice(begin, end).map(row));
      pager.hidden = found.length <= size;
      pager.classList.toggle("is-cut", end < found.length);
      back.disabled = state.page === 0;
      on.disabled = end >= found.length;
      const number = (value) => value.toLocaleString("en");
      words.textContent = all ? `The first ${number(end)} of ${number(found.length)}; all stand in portfolio.xlsx.` : `${number(begin + 1)} to ${number(end)} of ${number(found.length)}`;
    }
    function row(cells) {
      const label = `${cells[0]} ${typeof cells[1] === "string" ? cells[1] : ""}`.trim();
      return make("tr", {}, ...cells.map((cell, column) => {
        const kind = columns[column][1];
        return make("td", { class: CLASSES[kind] }, ...KINDS[kind].show(cell, label));
      }));
    }
    addEventListener("beforeprint", () => draw(true));
    addEventListener("afterprint", () => draw());
    draw();
    return { refresh: () => { state.page = 0; refresh(); return found.length; } };
  }

  // --- the table of pipelines, and what it is narrowed to ---

  const search = at("search"), chips = [...document.querySelectorAll("[data-verdict]")];
  const selects = ["wave", "level", "type"].map(at);
  let chosen = null;  // the numbers of the pipelines of something, such as a blocker
  const words = data.names.map((name, number) => `${name} ${data.files[number]}`.toLowerCase());
  let wanted = {};

  function isWanted([number, wave, level, verdict, , , , template, why]) {
    const text = `${words[number]} ${template.toLowerCase()} ${why.toLowerCase()}`;
    return (!chosen || chosen.has(number))
      && (!wanted.verdicts.length || wanted.verdicts.includes(verdict))
      && (!wanted.wave || wave === Number(wanted.wave))
      && (!wanted.level || level === wanted.level)
      && (!wanted.type || data.types[number].includes(Number(wanted.type)))
      && wanted.words.every((word) => text.includes(word));
  }

  const tables = {};
  for (const host of document.querySelectorAll("[data-table]")) {
    const name = host.dataset.table;
    if (data.tables[name]) tables[name] = table(host, name, name === "pipelines" ? isWanted : undefined);
  }

  function narrow() {
    const [wave, level, type] = selects.map((select) => select.value);
    const verdicts = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.verdict);
    wanted = { wave, level, type, verdicts, words: search.value.toLowerCase().split(/\s+/).filter(Boolean) };
    const isNarrow = chosen !== null || Boolean(wave || level || type) || verdicts.length > 0 || wanted.words.length > 0;
    const found = tables.pipelines?.refresh() ?? 0;
    at("clear").hidden = !isNarrow;
    at("chosen").hidden = chosen === null;
    at("status").textContent = `${found.toLocaleString("en")} of ${counted(data.names.length, "pipeline")}`;
  }
  function clear() {
    chosen = null;
    search.value = "";
    for (const select of selects) select.value = "";
    for (const chip of chips) chip.setAttribute("aria-pressed", "false");
  }
  /** Shows these pipelines alone, and goes there. */
  function choose(numbers, label) {
    clear();
    chosen = new Set(numbers);
    at("chosen").textContent = `${clipped(label)} ✕`;
    at("chosen").setAttribute("aria-label", `Only pipelines of ${label}: show all`);
    go();
  }
  function go() {
    narrow();
    at("pipelines").focus({ preventScroll: true });
    at("pipelines").scrollIntoView();
  }

  search.addEventListener("input", narrow);
  for (const select of selects) select.addEventListener("change", narrow);
  for (const chip of chips) {
    chip.addEventListener("click", () => { chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true")); narrow(); });
  }
  for (const button of [at("clear"), at("chosen")]) button.addEventListener("click", () => { clear(); narrow(); search.focus(); });
  for (const button of document.querySelectorAll("[data-wave]")) {
    button.addEventListener("click", () => { clear(); at("wave").value = button.dataset.wave; go(); });
  }
  narrow();
}
