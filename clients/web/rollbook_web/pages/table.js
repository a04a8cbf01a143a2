// Tables of the grid whose rows come as patches. A figure in a row is [text, title] or [text, title, tone].
Object.assign(window.Rollbook, (() => {
  const text = (figure) => figure?.[0] ?? "";
  const title = (figure) => figure?.[1] ?? "";
  // To sort and filter by: the exact figure, which the title begins with.
  function number(figure) {
    if (!figure || figure[2] === "unknown") return null;
    const parsed = parseFloat(figure[1].replace("\u2212", "-").replace("+", ""));
    return Number.isNaN(parsed) ? null : parsed;
  }
  function link(p) {
    const a = document.createElement("a");
    a.href = p.data.url;
    a.textContent = p.value;
    a.title = p.value;
    a.tabIndex = -1; // Enter on the cell goes there
    if (p.data.mode !== "DRY_RUN") return a;
    const both = document.createElement("span"); // where there is no room for the column of modes
    both.append(chip("DRY", "dry narrow"), a);
    return both;
  }
  function chip(words, look, why) {
    const span = document.createElement("span");
    span.className = "chip " + look;
    span.textContent = words;
    if (why) span.title = why;
    return span;
  }
  const mode = (p) => (p.value === "LIVE" ? chip("LIVE", "live") : chip("DRY RUN", "dry"));
  function flags(p) {
    const all = document.createElement("span");
    all.className = "chips";
    for (const [words, why] of p.data?.flags ?? []) all.append(chip(words, "warn", why));
    return all;
  }
  function header(p) {
    const row = document.createElement("div");
    row.className = "group-row";
    const name = document.createElement("b");
    name.textContent = p.data.name;
    row.append(name);
    const shown = p.context?.shown?.get(p.data.group) ?? 0; // the sums are of all rows, whatever is searched for
    p.data.parts.forEach(([words, tone], at) => {
      const part = document.createElement("span");
      part.className = "num " + tone;
      part.textContent = at === 0 && shown !== p.data.count ? `${shown} shown of ${words}` : words;
      row.append(part);
    });
    return row;
  }
  const marked = (p) => (p.data?.marked == null ? null : Math.max(0, Rollbook.now() - p.data.marked));

  // Rows of a group stand together below its header, in the order that was chosen.
  function grouped(p) {
    const by = p.context?.group;
    if (!by) return;
    const key = (data) => data.group ?? data[by] ?? "";
    const rank = new Map(p.nodes.map((node, at) => [node, at]));
    const shown = new Map();
    for (const { data } of p.nodes) if (data.group === undefined) shown.set(key(data), (shown.get(key(data)) ?? 0) + 1);
    p.context.shown = shown;
    p.nodes.sort((a, b) => {
      const one = key(a.data), other = key(b.data);
      if (one !== other) return one < other ? -1 : 1;
      const heads = Number(b.data.group !== undefined) - Number(a.data.group !== undefined);
      return heads || rank.get(a) - rank.get(b);
    });
  }

  function open(p) {
    if (p.event.key === "Enter" && p.data?.url) location.href = p.data.url;
  }

  // As high as its rows, up to most of the window.
  function fit(id) {
    const grid = getElement(id);
    if (!grid?.api) return;
    const rows = Math.max(1, grid.api.getDisplayedRowCount());
    const height = Math.min(rows * 34 + 38 + (grid.scrolls ?? 14), Math.max(280, innerHeight * 0.75));
    grid.$el.style.height = height + "px";
  }

  function rows(id, patch) {
    const api = getElement(id)?.api;
    if (!api) return;
    const add = [], update = [], remove = [];
    const coming = patch.rows.concat(patch.headers);
    const ids = new Set(coming.map((row) => row.id));
    api.forEachNode((node) => {
      const header = node.data.group !== undefined;
      if ((header || patch.anew) && !ids.has(node.id)) remove.push({ id: node.id });
    });
    for (const gone of patch.gone) if (api.getRowNode(gone)) remove.push({ id: gone });
    for (const row of coming) (api.getRowNode(row.id) ? update : add).push(row);
    const group = patch.group ?? "";
    if (api.getGridOption("context")?.group !== group) api.setGridOption("context", { group });
    api.applyTransaction({ add, update, remove });
    if (add.length || remove.length || patch.anew) fit(id);
  }

  // What is chosen stays in the address. "" takes it out.
  function keep(name, value) {
    const address = new URL(location.href);
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
  }
  function keepFilter(p) {
    const model = p.api.getFilterModel();
    keep("columns", Object.keys(model).length ? JSON.stringify(model) : "");
    const headers = [];
    p.api.forEachNode((node) => node.data.group !== undefined && headers.push(node));
    p.api.redrawRows({ rowNodes: headers });
  }
  function keepSort(p) {
    const sorted = p.api.getColumnState().filter((one) => one.sort).sort((a, b) => a.sortIndex - b.sortIndex);
    keep("sort", sorted.map((one) => (one.sort === "desc" ? "-" : "") + one.colId).join(","));
  }
  function ready(p, narrow) {
    const small = matchMedia("(max-width: 640px)");
    const show = () => {
      p.api.setColumnsVisible(narrow, !small.matches);
      p.api.setColumnWidths([{ key: "chain", newWidth: small.matches ? 120 : 160 }]);
    };
    show();
    small.addEventListener("change", show);
    setInterval(() => p.api.isDestroyed() || p.api.refreshCells({ columns: ["marked"] }), 1000);
  }
  function find(id, words) {
    getElement(id)?.api.setGridOption("quickFilterText", words);
    keep("find", words);
  }
  return { text, title, number, link, mode, flags, header, marked, grouped, open, rows, keep, keepFilter, keepSort, ready, find };
})());
