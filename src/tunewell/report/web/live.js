// The live page: takes what changed from the stream, keeps the run, shows it.
(() => {
  const THEMES = ["auto", "light", "dark"];
  const LOSSES = ["step_loss", "raw_loss", "loss"];
  const MEMORY = { process_bytes: "process", cuda_allocated_bytes: "GPU in use", cuda_reserved_bytes: "GPU reserved", cuda_peak_bytes: "GPU peak" };
  const SECONDS = { step_seconds: "computing", data_seconds: "loading" };
  const KINDS = ["loading", "computing", "evaluating", "saving", "watching", "other"];
  const LAYER = "update_ratio/";
  const BORING = /(_runtime|_per_second|_seconds|_samples|_tokens)$|^(nonfinite_|eval_label_top|eval_predicted_top|label_top|predicted_top|skipped$|loss_scale$|num_|raw_loss$|step_loss$|loss$|total_)/;
  const AT_ONCE = 24;
  const SEVERITIES = ["error", "warning", "info"];
  const root = document.documentElement;
  const run = { id: "", columns: {}, findings: new Map(), happened: [], settings: [], state: {} };
  const pictures = new Map();
  let shape = "";
  let ahead = 0; // seconds that the server's clock is before this one
  let connected = true;
  let first = true;
  let every = false;

  const $ = (id) => document.getElementById(id);
  const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* only for this page then */ } };
  const stored = (name, otherwise) => { try { return localStorage.getItem(name) || otherwise; } catch { return otherwise; } };

  function setTheme(theme) {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    store("tunewell-theme", theme);
  }

  setTheme(THEMES.includes(stored("tunewell-theme")) ? stored("tunewell-theme") : "auto");
  // The token has become a cookie; it need not stay in the address.
  if (location.search.includes("token=")) history.replaceState(null, "", location.pathname);

  function element(tag, name, text) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function duration(seconds) {
    if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
    const whole = Math.round(seconds);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    if (whole < 172800) return `${Math.floor(whole / 3600).toLocaleString("en")} h ${Math.floor(whole % 3600 / 60)} min`;
    return `${Math.floor(whole / 86400).toLocaleString("en")} days ${Math.floor(whole % 86400 / 3600)} h`;
  }

  function bytes(value) {
    if (value === null) return "not finite";
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    while (Math.abs(value) >= 1000 && at < 4) { value /= 1000; at += 1; }
    return `${Number(value.toPrecision(3))} ${units[at]}`;
  }

  const seconds = (value) => (value === null ? "not finite" : value === 0 ? "0 s" : value < 0.1 ? `${Number((value * 1000).toPrecision(3))} ms` : duration(value));
  const number = (value) => value.toLocaleString("en");

  // -- what the stream says ------------------------------------------------------------------

  function take(delta) {
    if (delta.reset) Object.assign(run, { columns: {}, findings: new Map(), happened: [], settings: [] });
    run.id = delta.id;
    run.state = delta.state;
    ahead = Date.now() / 1000 - delta.state.now;
    for (const [name, sent] of Object.entries(delta.columns || {})) {
      const held = run.columns[name] ||= { s: [], v: [] };
      if (!sent.lo) { delete held.lo; delete held.hi; }
      if (sent.lo && !held.lo) { held.lo = []; held.hi = []; }
      if (sent.lost && !held.lost) held.lost = held.s.slice(0, sent.from).map(() => 0);
      for (const part of ["s", "v", "lo", "hi", "lost"]) {
        if (!held[part]) continue;
        held[part].length = Math.min(held[part].length, sent.from);
        held[part] = held[part].concat(sent[part] || sent.s.map(() => 0));
      }
    }
    for (const finding of delta.findings || []) run.findings.set(finding.id, finding);
    if (delta.happened) run.happened = delta.happened;
    if (delta.settings) run.settings = delta.settings;
    showState();
    if (delta.findings || delta.reset) showFindings(delta.reset ? null : delta.findings);
    if (delta.happened || delta.reset) showHappened();
    if (delta.settings || delta.reset) showSettings();
    showSplit();
    showCharts();
    first = false;
  }

  function follow() {
    const source = new EventSource(`events?after=${encodeURIComponent(run.id)}`);
    source.onmessage = (event) => take(JSON.parse(event.data));
    source.onopen = () => { connected = true; showWord(); };
    source.onerror = () => {
      connected = false;
      showWord();
      // A browser gives up where it was answered otherwise than by a stream.
      if (source.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
    };
    addEventListener("pagehide", () => source.close());
  }

  // -- head ----------------------------------------------------------------------------------

  const latest = (name) => {
    const column = run.columns[name];
    return column && column.v.length ? column.v[column.v.length - 1] : undefined;
  };
  const open = () => [...run.findings.values()].filter((finding) => finding.closed === null);

  function showState() {
    const { state } = run;
    $("name").textContent = state.name;
    $("verdict").textContent !== state.verdict && ($("verdict").textContent = state.verdict);
    $("lamp").className = `lamp ${state.phase}`;
    $("source").textContent = state.source ? `Source: ${state.source}, ${state.where}.` : "";
    $("findings-part").hidden = $("keys").hidden = state.phase === "waiting";
    $("hint").hidden = state.phase !== "waiting";
    $("trouble").hidden = !state.trouble;
    $("trouble").textContent = state.trouble;
    const bar = $("progress"), share = state.max_steps ? Math.min(state.step / state.max_steps, 1) : 0;
    bar.hidden = !state.max_steps;
    bar.className = `progress ${state.phase}`;
    bar.setAttribute("aria-valuemax", state.max_steps || 1);
    bar.setAttribute("aria-valuemin", 0);
    bar.setAttribute("aria-valuenow", state.step);
    bar.setAttribute("aria-valuetext", `step ${number(state.step)} of ${number(state.max_steps || 0)}`);
    $("done").style.width = `${share * 100}%`;
    const ticks = [
      ...run.happened.map((one) => ({ step: one.step, kind: "", text: one.text })),
      ...open().map((one) => ({ step: one.step, kind: one.severity, text: one.code })),
    ];
    $("ticks").replaceChildren(...(state.max_steps ? ticks : []).map((one) => {
      const tick = element("span", `tick ${one.kind}`);
      tick.style.left = `${Math.min(one.step / state.max_steps, 1) * 100}%`;
      tick.title = `step ${number(one.step)}: ${one.text}`;
      return tick;
    }));
    const looked = state.looked > 1 ? ` ${number(state.looked)} checks looked.` : "";
    const none = (state.phase === "finished" ? "None." : "None so far.") + looked;
    $("none").hidden = open().length > 0 || state.phase === "waiting";
    $("none").className = state.examined ? "healthy" : "soft";
    $("none").lastElementChild.textContent = state.examined ? none : "The checks are looking.";
    showNow();
    showWord();
    const worst = SEVERITIES.find((severity) => open().some((one) => one.severity === severity));
    const said = state.max_steps && state.phase === "running" ? `${Math.floor(share * 100)} % · ` : "";
    document.title = `${said}${state.name} · ${state.phase}`;
    const colour = { error: "#c5221f", warning: "#d08700" }[worst] || { running: "#1e8e3e", finished: "#1f66c1" }[state.phase] || "#80868b";
    $("icon").href = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="${colour}"/></svg>`)}`;
  }

  function showNow() {
    const { state } = run, cells = [];
    const add = (label, value, more) => {
      const cell = element("div"), said = element("dd", "", value);
      if (more) said.append(" ", element("small", "", more));
      cell.append(element("dt", "", label), said);
      cells.push(cell);
    };
    if (state.phase !== "waiting") add("step", number(state.step), state.max_steps ? `of ${number(state.max_steps)}` : "");
    if (state.phase === "running" && state.left !== null) {
      add("time left", state.left - (Date.now() / 1000 - ahead - state.now) > 0.5 ? duration(Math.max(state.left - (Date.now() / 1000 - ahead - state.now), 0)) : "any moment");
    }
    const loss = LOSSES.find((name) => run.columns[name]);
    if (loss) {
      const smooth = scales.smoothed(run.columns[loss], strength()).v;
      add("training loss", scales.figure(smooth[smooth.length - 1]));
    }
    if (latest("eval_loss") !== undefined) add("evaluation loss", scales.figure(latest("eval_loss")));
    const metric = ["eval_accuracy", "eval_f1", "rewards/accuracies", "reward"].find((name) => latest(name) !== undefined);
    if (metric) add(metric.replace(/^eval_/, "").replace(/_/g, " "), scales.figure(latest(metric)));
    if (state.epoch !== null) add("epoch", String(Number(state.epoch.toPrecision(3))));
    if (state.pace) add("pace", state.pace < 1 ? `${Number((1 / state.pace).toPrecision(2))}` : duration(state.pace), state.pace < 1 ? "steps a second" : "a step");
    if (state.elapsed) add(["finished", "failed"].includes(state.phase) ? "took" : "so far", duration(state.elapsed));
    if (state.kept !== null) add("model kept", `step ${number(state.kept)}`);
    $("now").replaceChildren(...cells);
  }

  function showWord() {
    const { state } = run;
    const ago = state.last === null ? 0 : Math.max(Date.now() / 1000 - ahead - state.last, 0);
    const short = state.max_steps && state.step < state.max_steps ? ` at step ${number(state.step)} of ${number(state.max_steps)}` : "";
    const [phase, word] = {
      waiting: ["Waiting", `for a run to begin in ${state.where}`],
      running: ["Running", ago < 3 ? "last word just now" : `last word ${duration(ago)} ago`],
      silent: ["Silent", `for ${duration(ago)}: ${ago < 7200 ? "in a long evaluation, or " : ""}stopped or killed`],
      finished: [`Finished${short}`, ago < 60 ? "just now" : `${duration(ago)} ago`],
      failed: [`Ended${short}`, state.reason ? `with ${state.reason}` : ""],
    }[state.phase] || [state.phase, ""];
    $("phase").textContent = phase;
    $("word").textContent = connected ? word : `${word ? `${word}; ` : ""}the page has lost tunewell serve and tries to reach it`;
  }

  // -- findings and what happened ------------------------------------------------------------

  function showFindings(changed) {
    if (!changed) { $("open").replaceChildren(); $("gone").replaceChildren(); }
    for (const finding of changed || run.findings.values()) {
      const old = $(`finding-${finding.id}`);
      const holder = document.createElement("template");
      holder.innerHTML = finding.html; // made by the report's templates, which escape; no script runs
      const made = holder.content.querySelector("details");
      if (!made) continue;
      const said = finding.closed === null ? `found at step ${number(finding.step)}` : `found at step ${number(finding.step)}, gone at ${number(finding.closed)}`;
      made.querySelector("summary").append(element("span", "pill", said));
      made.dataset.order = `${finding.closed === null ? SEVERITIES.indexOf(finding.severity) : 0}-${String(finding.step).padStart(12, "0")}`;
      if (old) made.open = old.open;
      if (!old && !first && finding.closed === null) made.classList.add("new");
      if (finding.closed !== null) made.classList.add("gone");
      if (old) old.remove();
      const list = $(finding.closed === null ? "open" : "gone");
      list.insertBefore(made, [...list.children].find((one) => one.dataset.order > made.dataset.order) || null);
    }
    const standing = open(), gone = run.findings.size - standing.length;
    if (!changed && first && standing.length) $("open").firstElementChild.open = true;
    $("gone-fold").hidden = !gone;
    $("gone-count").textContent = `${gone} no longer found`;
    showState();
  }

  function showHappened() {
    $("happened-part").hidden = !run.happened.length;
    $("happened").replaceChildren(...run.happened.map((one) => {
      const item = element("li", one.kind.replace(/[^\w-]/g, ""));
      item.append(element("b", "", `step ${number(one.step)}`), ` ${one.text}`);
      return item;
    }));
  }

  function showSettings() {
    $("settings-part").hidden = !run.settings.length;
    $("settings-count").textContent = `${run.settings.length} values`;
    $("settings").replaceChildren(...run.settings.map(([name, value]) => {
      const row = element("div");
      row.append(element("dt", "", name), element("dd", "", value));
      return row;
    }));
  }

  function showSplit() {
    const spent = run.state.split || {}, kinds = KINDS.filter((kind) => spent[kind]);
    const total = kinds.reduce((sum, kind) => sum + spent[kind], 0);
    $("split-part").hidden = !total;
    if (!total) return;
    const share = (kind) => { const per = spent[kind] / total * 100; return per < 0.1 ? "< 0.1 %" : `${per.toFixed(1)} %`; };
    const named = (kind) => (kind === "watching" ? "Tunewell's watcher" : kind);
    $("split").setAttribute("aria-label", kinds.map((kind) => `${named(kind)} ${share(kind)}`).join(", "));
    $("split").replaceChildren(...kinds.map((kind) => {
      const part = element("span", kind);
      part.style.flexGrow = spent[kind] / total;
      part.title = `${named(kind)}: ${share(kind)}`;
      return part;
    }));
    $("split-legend").replaceChildren(...kinds.map((kind) => {
      const item = element("li");
      item.append(element("i", kind), named(kind), element("b", "", share(kind)), element("span", "soft", duration(spent[kind])));
      return item;
    }));
  }

  // -- charts --------------------------------------------------------------------------------

  const strength = () => Number($("smoothing").value);

  function marks(metrics, all) {
    const found = open().flatMap((finding) => {
      const colour = `--${finding.severity}`;
      const own = finding.marks.filter((mark) => metrics.includes(mark.metric));
      return (own.length || !all ? own : [{ first: finding.step, last: finding.step }]).map((mark) => (
        { first: mark.first, last: mark.last, label: finding.code, colour, own: own.length > 0 }));
    });
    const done = run.happened.map((one) => ({ first: one.step, last: one.step, label: one.kind, colour: one.kind === "restart" ? "--muted" : "--third" }));
    const kept = run.state.kept !== null && run.state.phase === "finished" && metrics.some((name) => name.startsWith("eval_"))
      ? [{ first: run.state.kept, last: run.state.kept, label: "kept", colour: "--good" }] : [];
    return [...found, ...done, ...kept];
  }

  function plan() {
    const names = Object.keys(run.columns).filter((name) => !name.startsWith(LAYER)).sort();
    const loss = LOSSES.find((name) => names.includes(name));
    const evaluations = names.filter((name) => /^eval_(.*_)?loss$/.test(name));
    const taken = new Set([...evaluations, "learning_rate", "grad_norm", ...Object.keys(MEMORY), ...Object.keys(SECONDS)]);
    if (loss) taken.add(loss);
    const rest = names.filter((name) => !taken.has(name));
    return {
      loss, evaluations,
      small: ["learning_rate", "grad_norm"].filter((name) => names.includes(name)),
      memory: Object.keys(MEMORY).filter((name) => names.includes(name)),
      seconds: Object.keys(SECONDS).filter((name) => names.includes(name)),
      metrics: rest.filter((name) => !BORING.test(name)),
      others: rest.filter((name) => BORING.test(name)),
      layers: Object.keys(run.columns).some((name) => name.startsWith(LAYER)),
    };
  }

  function section(title, pictured, folded) {
    const part = element("section"), grid = element("div", "charts");
    grid.append(...pictured.slice(0, every ? Infinity : AT_ONCE).map((picture) => picture.figure));
    if (folded) {
      const fold = element("details", "fold"), summary = element("summary");
      summary.append(element("h2", "", title), " ", element("span", "soft", `${pictured.length} values`));
      fold.append(summary, grid);
      part.append(fold);
    } else if (title) part.append(element("h2", "", title), grid);
    else part.append(grid);
    if (!every && pictured.length > AT_ONCE) {
      const more = element("button", "", `Show all ${pictured.length}`);
      more.type = "button";
      more.addEventListener("click", () => { every = true; shape = ""; showCharts(); });
      part.append(more);
    }
    return part;
  }

  function rebuild(wanted) {
    for (const picture of pictures.values()) picture.remove();
    pictures.clear();
    const parts = [];
    const lines = (key, title, options) => {
      const picture = new charts.Lines(title, options);
      pictures.set(key, picture);
      return picture;
    };
    if (wanted.loss || wanted.evaluations.length) {
      const part = element("section");
      part.append(lines("#loss", "Loss", { height: 280, big: true, labels: true, scalable: true }).figure);
      parts.push(part);
    }
    const training = wanted.small.map((name) => lines(name, name.replace(/_/g, " "), { scalable: name === "grad_norm" }));
    if (wanted.seconds.length) training.push(lines("#seconds", "seconds a step", { format: seconds }));
    if (wanted.memory.length) training.push(lines("#memory", "memory", { format: bytes }));
    const metrics = wanted.metrics.map((name) => lines(name, name, {}));
    if (training.length) parts.push(section("", training));
    if (metrics.length) parts.push(section("Metrics", metrics));
    if (wanted.layers) {
      const part = element("section"), map = new Layers("Size of the updates against the weights, by layer");
      pictures.set("#layers", map);
      const ramp = element("p", "ramp");
      ramp.append(element("span", "low"), element("i"), element("span", "high"));
      part.append(map.figure, ramp);
      parts.push(part);
    }
    const others = wanted.others.map((name) => lines(name, name, { format: /_seconds$/.test(name) ? seconds : scales.figure }));
    if (others.length) parts.push(section("Other values", others, true));
    $("drawn").replaceChildren(...parts);
  }

  function showCharts() {
    const wanted = plan(), now = JSON.stringify(wanted);
    if (now !== shape) { rebuild(wanted); shape = now; }
    const steps = Object.values(run.columns).filter((column) => column.s.length);
    charts.view.first = steps.length ? Math.min(...steps.map((column) => column.s[0])) : 0;
    // The last bucket of a long curve stands at its middle.
    charts.view.last = Math.max(charts.view.first + 1, run.state.step, ...steps.map((column) => column.s[column.s.length - 1]));
    const set = (key, lines, names) => pictures.has(key) && pictures.get(key).set(lines, marks(names, key === "#loss"));
    const drawn = [];
    if (wanted.loss) {
      const data = run.columns[wanted.loss];
      drawn.push({ data, colour: 0, faint: true, names: true });
      drawn.push({ label: "training", data: scales.smoothed(data, strength()), colour: 0, bold: true });
    }
    wanted.evaluations.slice(0, 4).forEach((name, index) => {
      const rows = name.replace(/^eval_/, "").replace(/_?loss$/, "");
      drawn.push({ label: `evaluation${rows ? ` ${rows}` : ""}`, data: run.columns[name], colour: 1 + index, dots: true });
    });
    set("#loss", drawn, [wanted.loss, ...wanted.evaluations, "loss"]);
    for (const name of [...wanted.small, ...wanted.metrics, ...wanted.others]) {
      const colour = name.startsWith("eval_") ? 1 : 0;
      set(name, [{ label: "", data: run.columns[name], colour, dots: true, names: true }], [name]);
    }
    const grouped = (names, labels) => names.map((name, index) => ({ label: labels[name], data: run.columns[name], colour: name === "data_seconds" ? 3 : index, names: true }));
    set("#seconds", grouped(wanted.seconds, SECONDS), wanted.seconds);
    set("#memory", grouped(wanted.memory, MEMORY), wanted.memory);
    const map = pictures.get("#layers");
    if (map) {
      const rows = Object.keys(run.columns).filter((name) => name.startsWith(LAYER));
      // A log is in the order of the model, which says more than the alphabet.
      map.set(rows.map((name) => ({ name: name.slice(LAYER.length), data: run.columns[name] })));
      const ramp = map.figure.nextElementSibling;
      ramp.querySelector(".low").textContent = scales.figure(Number((10 ** map.low).toPrecision(2)));
      ramp.querySelector(".high").textContent = scales.figure(Number((10 ** map.high).toPrecision(2)));
    }
    charts.redraw();
  }

  addEventListener("DOMContentLoaded", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const nameTheme = () => { $("theme").textContent = `Theme: ${root.dataset.theme || "auto"}`; };
    nameTheme();
    charts.recolour();
    dark.addEventListener("change", charts.recolour);
    $("theme").addEventListener("click", () => {
      setTheme(THEMES[(THEMES.indexOf(root.dataset.theme || "auto") + 1) % THEMES.length]);
      nameTheme();
      charts.recolour();
    });
    $("scale").addEventListener("click", () => {
      charts.view.log = !charts.view.log;
      $("scale").setAttribute("aria-pressed", charts.view.log);
      charts.redraw();
    });
    $("smoothing").value = stored("tunewell-smoothing", "4");
    $("smoothing").addEventListener("input", () => {
      store("tunewell-smoothing", $("smoothing").value);
      showCharts();
      showNow();
    });
    take(JSON.parse($("snapshot").textContent));
    setInterval(() => { if (!document.hidden) { showWord(); if (run.state.phase === "running") showNow(); } }, 1000);
    follow();
  });
})();
