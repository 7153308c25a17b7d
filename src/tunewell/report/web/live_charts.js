"use strict";
// Drawing of the live page: lines over steps and a map over layers, on canvas. A point costs a few
// bytes and no element, so a hundred thousand steps are drawn as fast as a hundred.
const charts = (() => {
  const LEFT = 50, RIGHT = 12, BOTTOM = 22, TOP = 10, LABEL_ROW = 15, MOST_ROWS = 3;
  const TICK_ROOM = 64;
  const FEW = 30; // evaluations are points, many steps a line
  const FAR = 2.5; // spikes beyond this many times the height of the rest are cut and named
  const COLOURS = ["--line", "--second", "--third", "--fourth", "--muted"];
  const all = new Set();
  const view = { first: 0, last: 1, cursor: null, log: false };
  let tones = {};
  let asked = false;

  function readTones() {
    const style = getComputedStyle(document.documentElement);
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    for (const name of [...COLOURS, "--ink", "--rule", "--paper", "--raised", "--error", "--warning", "--info", "--good"]) {
      // light-dark() is resolved only where a colour is used.
      const span = document.createElement("span");
      span.style.color = `var(${name})`;
      document.body.append(span);
      probe.fillStyle = getComputedStyle(span).color;
      span.remove();
      probe.fillRect(0, 0, 1, 1);
      const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
      tones[name] = [r, g, b];
    }
    tones.font = style.getPropertyValue("--sans");
  }

  function tone(name, alpha = 1) {
    const [r, g, b] = tones[name];
    return `rgba(${r}, ${g}, ${b}, ${alpha})`;
  }

  function figure(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "not finite";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size < 1e-3 || size >= 1e7) {
      return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
    }
    if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString("en");
    return String(Number(value.toPrecision(size < 1 ? 3 : 4)));
  }

  function nearest(data, step) {
    let low = 0, high = data.s.length - 1;
    if (high < 0) return -1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data.s[middle] < step) low = middle + 1; else high = middle;
    }
    return low > 0 && step - data.s[low - 1] < data.s[low] - step ? low - 1 : low;
  }

  function smoothed(data, strength) {
    // A mean over both sides that fades away with the distance: it does not lag behind. Its span
    // grows with the number of points, so that a long curve is as calm as a short one.
    const keep = 1 - 1 / Math.max(1, (strength / 10) ** 2 * data.s.length * 0.15);
    const { length } = data.v, sums = new Float64Array(length), weights = new Float64Array(length);
    const sweep = (from, to, by) => {
      let sum = 0, weight = 0;
      for (let i = from; i !== to; i += by) {
        sums[i] += sum * keep;
        weights[i] += weight * keep;
        sum *= keep;
        weight *= keep;
        if (data.v[i] !== null) { sum += data.v[i]; weight += 1; }
      }
    };
    sweep(0, length, 1);
    sweep(length - 1, -1, -1);
    return { s: data.s, v: data.v.map((value, i) => (value === null ? null : (sums[i] + value) / (weights[i] + 1))) };
  }

  function ticks(low, high, count) {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(Number((at * step).toPrecision(12)));
    return found;
  }

  function quantile(sorted, share) {
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  function domain(lines, log) {
    const firm = [], edge = [];
    for (const line of lines) {
      const { v, lo, hi } = line.data;
      for (let i = 0; i < v.length; i += 1) {
        if (v[i] === null) continue;
        (line.faint ? edge : firm).push(v[i]);
        if (lo && lo[i] !== null) edge.push(lo[i], hi[i]);
      }
    }
    const known = firm.concat(edge).sort((a, b) => a - b);
    if (!known.length) return null;
    let low = known[0], high = known[known.length - 1];
    if (log && low > 0) {
      const room = Math.max((Math.log10(high) - Math.log10(low)) * 0.06, 0.02);
      return { low: 10 ** (Math.log10(low) - room), high: 10 ** (Math.log10(high) + room), log: true, top: Infinity };
    }
    const bulk = quantile(known, 0.99), floor = quantile(known, 0.01);
    let top = Infinity;
    if (known.length > 20 && high - floor > FAR * (bulk - floor) && bulk > floor) {
      top = high = bulk + (bulk - floor) * 0.25;
    }
    const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
    // A floor of 0 is kept where all is positive: a curve does not float below nothing.
    return { low: low >= 0 && low - room < 0 ? 0 : low - room, high: high + room, log: false, top };
  }

  class Picture {
    constructor(title, height, big) {
      this.title = title;
      this.height = height;
      this.figure = document.createElement("figure");
      if (big) this.figure.className = "big";
      this.caption = document.createElement("figcaption");
      this.canvas = document.createElement("canvas");
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "img");
      this.figure.append(this.caption, this.canvas);
      this.visible = false;
      this.seen = new IntersectionObserver((entries) => {
        this.visible = entries[entries.length - 1].isIntersecting;
        if (this.visible) this.draw();
      }, { rootMargin: "200px" });
      this.seen.observe(this.canvas);
      this.sized = new ResizeObserver(() => this.draw());
      this.sized.observe(this.canvas);
      this.canvas.addEventListener("pointermove", (event) => move(this.stepAt(event.offsetX)));
      this.canvas.addEventListener("pointerleave", () => move(null));
      this.canvas.addEventListener("keydown", (event) => this.key(event));
      this.canvas.addEventListener("blur", () => move(null));
      all.add(this);
    }

    remove() {
      all.delete(this);
      this.seen.disconnect();
      this.sized.disconnect();
      this.figure.remove();
    }

    x(step) {
      return this.left + (step - view.first) / (view.last - view.first || 1) * (this.width - this.left - RIGHT);
    }

    stepAt(x) {
      const share = (x - this.left) / (this.width - this.left - RIGHT);
      return view.first + Math.min(Math.max(share, 0), 1) * (view.last - view.first);
    }

    key(event) {
      const span = view.last - view.first;
      const jump = Math.max(1, Math.round(span / (event.shiftKey ? 10 : 100)));
      const now = view.cursor === null ? view.last : view.cursor;
      const to = {
        ArrowLeft: now - jump, ArrowRight: now + jump, Home: view.first, End: view.last, Escape: null,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      move(to === null ? null : Math.round(Math.min(Math.max(to, view.first), view.last)));
      document.getElementById("spoken").textContent = to === null ? "" : this.said();
    }

    begin() {
      const scale = devicePixelRatio || 1;
      this.width = this.canvas.clientWidth;
      if (!this.width || !this.visible) return null;
      const [w, h] = [Math.round(this.width * scale), Math.round(this.height * scale)];
      if (this.canvas.width !== w || this.canvas.height !== h) {
        this.canvas.width = w;
        this.canvas.height = h;
        this.canvas.style.height = `${this.height}px`;
      }
      const pen = this.canvas.getContext("2d");
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, this.width, this.height);
      pen.font = `11px ${tones.font}`;
      pen.lineJoin = pen.lineCap = "round";
      return pen;
    }

    steps(pen) {
      pen.fillStyle = tone("--muted");
      pen.textBaseline = "alphabetic";
      const y = this.height - 6;
      for (const step of ticks(view.first, view.last, Math.max(2, Math.floor(this.width / TICK_ROOM / 1.4)))) {
        if (!Number.isInteger(step)) continue;
        const label = step.toLocaleString("en"), half = pen.measureText(label).width / 2;
        const at = Math.min(this.x(step), this.width - half - 1);
        pen.textAlign = "center";
        pen.fillText(label, Math.max(at, half), y);
      }
    }

    cursor(pen, foot) {
      if (view.cursor === null) return;
      const x = this.x(view.cursor);
      pen.strokeStyle = tone("--muted", 0.8);
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, 4);
      pen.lineTo(x, foot);
      pen.stroke();
    }
  }

  class Lines extends Picture {
    constructor(title, options = {}) {
      super(title, options.height || 132, options.big);
      this.format = options.format || figure;
      this.scalable = Boolean(options.scalable);
      this.labels = Boolean(options.labels);
      this.lines = [];
      this.marks = [];
      this.left = LEFT;
    }

    set(lines, marks) {
      this.lines = lines;
      this.marks = marks;
      this.say();
    }

    say() {
      const keys = this.lines.filter((line) => line.label !== undefined).map((line) => {
        const at = view.cursor === null ? line.data.s.length - 1 : nearest(line.data, view.cursor);
        const key = document.createElement("span");
        key.className = "key";
        const swatch = document.createElement("i");
        swatch.className = `c${line.colour + 1}`;
        const value = document.createElement("b");
        value.textContent = at < 0 ? "none" : this.format(line.data.v[at]);
        key.append(...(line.label ? [swatch, line.label, value] : [value]));
        return key;
      });
      const title = document.createElement("span");
      title.textContent = this.title;
      if (view.cursor !== null) {
        const at = document.createElement("span");
        at.className = "key";
        at.textContent = `step ${Math.round(view.cursor).toLocaleString("en")}`;
        keys.push(at);
      }
      this.caption.replaceChildren(title, ...keys);
      this.canvas.setAttribute("aria-label", this.said());
    }

    said() {
      const told = this.lines.filter((line) => line.label !== undefined && line.data.s.length).map((line) => {
        const { s, v } = line.data, known = v.filter((value) => value !== null);
        const at = view.cursor === null ? s.length - 1 : nearest(line.data, view.cursor);
        const range = known.length ? `from ${this.format(known.reduce((a, b) => Math.min(a, b)))} to ${this.format(known.reduce((a, b) => Math.max(a, b)))}` : "";
        return `${line.label || ""} ${this.format(v[at])} at step ${s[at].toLocaleString("en")}, ${range}`.trim();
      });
      return `${this.title}: ${told.join("; ") || "nothing logged"}`;
    }

    draw() {
      const pen = this.begin();
      if (!pen) return;
      const range = domain(this.lines, view.log && this.scalable);
      const top = TOP + (this.labels ? LABEL_ROW * this.rows(pen) : 0), foot = this.height - BOTTOM;
      this.steps(pen);
      if (!range) return;
      const map = range.log ? Math.log10 : (value) => value;
      const [low, high] = [map(range.low), map(range.high)];
      const y = (value) => foot - (map(Math.min(value, range.top)) - low) / (high - low || 1) * (foot - top);
      const marked = range.log ? this.powers(low, high) : ticks(range.low, range.high, this.height > 200 ? 5 : 4);
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      for (const value of marked) {
        const at = Math.round(y(value)) + 0.5;
        if (at < top - 4 || at > foot + 1) continue;
        pen.strokeStyle = tone("--rule");
        pen.lineWidth = 1;
        pen.beginPath();
        pen.moveTo(this.left, at);
        pen.lineTo(this.width - RIGHT, at);
        pen.stroke();
        pen.fillStyle = tone("--muted");
        pen.fillText(this.format(value), this.left - 7, at);
      }
      this.flags(pen, top, foot);
      for (const line of this.lines) this.line(pen, line, y, range, top, foot);
      this.cursor(pen, foot);
      if (view.cursor !== null) {
        for (const line of this.lines.filter((one) => !one.faint)) {
          const at = nearest(line.data, view.cursor);
          if (at >= 0 && line.data.v[at] !== null) this.dot(pen, this.x(line.data.s[at]), y(line.data.v[at]), line.colour, 3.5);
        }
      }
    }

    powers(low, high) {
      const found = [];
      for (let power = Math.floor(low); power <= high; power += 1) {
        for (const times of high - low < 1.6 ? [1, 2, 5] : [1]) found.push(times * 10 ** power);
      }
      return found.filter((value) => Math.log10(value) >= low);
    }

    dot(pen, x, y, colour, size) {
      pen.fillStyle = tone("--paper");
      pen.beginPath();
      pen.arc(x, y, size + 1.5, 0, 7);
      pen.fill();
      pen.fillStyle = tone(COLOURS[colour]);
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
      pen.fill();
    }

    line(pen, line, y, range, top, foot) {
      const { s, v, lo, hi, lost } = line.data, colour = COLOURS[line.colour];
      const runs = [];
      let part = null;
      for (let i = 0; i < s.length; i += 1) {
        if (v[i] === null) { part = null; continue; }
        if (!part) runs.push(part = []);
        part.push(i);
      }
      if (lo) {
        pen.fillStyle = tone(colour, line.faint ? 0.22 : 0.14);
        for (const indices of runs) {
          pen.beginPath();
          for (const i of indices) pen.lineTo(this.x(s[i]), y(hi[i]));
          for (const i of indices.slice().reverse()) pen.lineTo(this.x(s[i]), y(range.log ? Math.max(lo[i], range.low) : lo[i]));
          pen.fill();
        }
      }
      pen.strokeStyle = tone(colour, line.faint ? 0.34 : 1);
      pen.lineWidth = line.faint ? 1 : line.bold ? 2.2 : 1.6;
      if (!(lo && line.faint)) {
        for (const indices of runs) {
          pen.beginPath();
          for (const i of indices) pen.lineTo(this.x(s[i]), y(v[i]));
          pen.stroke();
        }
      }
      if (line.dots && s.length <= FEW) {
        for (const i of runs.flat()) this.dot(pen, this.x(s[i]), y(v[i]), line.colour, 2.6);
      } else if (runs.length && !line.faint) {
        const last = runs[runs.length - 1].slice(-1)[0];
        this.dot(pen, this.x(s[last]), y(v[last]), line.colour, 3);
      }
      this.cut(pen, line, range, top);
      pen.strokeStyle = tone("--error");
      pen.lineWidth = 1.6;
      let before = -Infinity;
      for (let i = 0; i < s.length; i += 1) {
        const x = this.x(s[i]);
        if ((v[i] !== null && !(lost && lost[i])) || x - before < 3) continue;
        before = x;
        pen.beginPath();
        pen.moveTo(x - 3, foot - 8); pen.lineTo(x + 3, foot - 2);
        pen.moveTo(x + 3, foot - 8); pen.lineTo(x - 3, foot - 2);
        pen.stroke();
      }
    }

    cut(pen, line, range, top) {
      // What is higher than the chart is a triangle at its top with the value of the highest.
      const { s, v, hi } = line.data;
      let highest = -1, before = -Infinity;
      for (let i = 0; i < s.length; i += 1) {
        const value = hi ? hi[i] : v[i];
        if (value === null || value <= range.top) continue;
        if (highest < 0 || value > (hi ? hi[highest] : v[highest])) highest = i;
        const x = this.x(s[i]);
        if (x - before < 4) continue;
        before = x;
        pen.fillStyle = tone(COLOURS[line.colour]);
        pen.beginPath();
        pen.moveTo(x, top - 5); pen.lineTo(x + 4, top + 2); pen.lineTo(x - 4, top + 2);
        pen.fill();
      }
      if (highest < 0 || !line.names) return;
      const label = this.format(hi ? hi[highest] : v[highest]), x = this.x(s[highest]);
      const right = x + pen.measureText(label).width + 14 < this.width;
      pen.textAlign = right ? "left" : "right";
      pen.textBaseline = "middle";
      pen.strokeStyle = tone("--paper");
      pen.lineWidth = 4;
      pen.strokeText(label, x + (right ? 8 : -8), top - 1);
      pen.fillStyle = tone("--ink");
      pen.fillText(label, x + (right ? 8 : -8), top - 1);
    }

    rows(pen) {
      // Labels that would lie on each other go to a row of their own.
      const ends = [];
      this.shown = this.marks.filter((mark) => mark.first <= view.last).sort((a, b) => a.first - b.first);
      for (const mark of this.shown) {
        const length = pen.measureText(mark.label).width;
        const at = this.x(mark.first);
        mark.right = at + 5 + length <= this.width;
        const begin = mark.right ? at + 4 : at - 4 - length;
        let row = ends.findIndex((end) => end < begin);
        if (row < 0) row = Math.min(ends.length, MOST_ROWS - 1);
        mark.hidden = row < ends.length && ends[row] >= begin;
        ends[row] = Math.max(ends[row] || 0, begin + length + 8);
        mark.row = row;
      }
      return ends.length;
    }

    flags(pen, top, foot) {
      const filled = new Set();
      for (const mark of this.marks) {
        if (mark.first > view.last) continue;
        const x = this.x(Math.max(mark.first, view.first));
        const stretch = `${mark.colour} ${mark.first} ${mark.last}`;
        if (mark.last > mark.first && mark.own && !filled.has(stretch)) {
          filled.add(stretch);
          pen.fillStyle = tone(mark.colour, 0.09);
          pen.fillRect(x, top, Math.max(this.x(Math.min(mark.last, view.last)) - x, 1), foot - top);
        }
        pen.strokeStyle = tone(mark.colour, mark.own || this.labels ? 0.9 : 0.45);
        pen.lineWidth = 1.2;
        pen.setLineDash([4, 3]);
        pen.beginPath();
        pen.moveTo(x, this.labels ? TOP + LABEL_ROW * mark.row - 4 : top);
        pen.lineTo(x, foot);
        pen.stroke();
        pen.setLineDash([]);
        if (!this.labels || mark.hidden) continue;
        pen.font = `600 11px ${tones.font}`;
        pen.fillStyle = tone(mark.colour);
        pen.textAlign = mark.right ? "left" : "right";
        pen.textBaseline = "middle";
        pen.fillText(mark.label, x + (mark.right ? 5 : -5), TOP + LABEL_ROW * mark.row);
        pen.font = `11px ${tones.font}`;
      }
    }
  }

  class Layers extends Picture {
    constructor(title) {
      super(title, 60, true);
      this.rows = [];
      this.left = LEFT;
    }

    set(rows) {
      this.rows = rows;
      const known = rows.flatMap((row) => row.data.v).filter((value) => value > 0).sort((a, b) => a - b);
      this.low = Math.log10(quantile(known, 0.01) || 1e-6);
      this.high = Math.max(Math.log10(quantile(known, 0.99) || 1), this.low + 0.3);
      this.each = Math.min(Math.max(330 / rows.length, 3), 17);
      this.height = Math.ceil(rows.length * this.each) + BOTTOM;
      this.canvas.setAttribute("aria-label", this.said());
      this.say();
    }

    colour(value) {
      if (value === null) return tone("--error");
      const share = value > 0 ? Math.min(Math.max((Math.log10(value) - this.low) / (this.high - this.low), 0), 1) : 0;
      const [from, to, at] = share < 0.5 ? ["--raised", "--line", share * 2] : ["--line", "--second", share * 2 - 1];
      return `rgb(${tones[from].map((part, i) => Math.round(part + (tones[to][i] - part) * at)).join(", ")})`;
    }

    draw() {
      const scale = this.canvas.clientWidth;
      this.left = Math.min(Math.max(scale * 0.26, 90), 250);
      const pen = this.begin();
      if (!pen || !this.rows.length) return;
      this.steps(pen);
      const every = Math.max(1, Math.ceil(12 / this.each));
      this.rows.forEach((row, index) => {
        const top = index * this.each, { s, v } = row.data;
        for (let i = 0; i < s.length; i += 1) {
          const from = this.x(i ? s[i] : view.first), to = this.x(i + 1 < s.length ? s[i + 1] : view.last);
          pen.fillStyle = this.colour(v[i]);
          pen.fillRect(from, top, Math.max(to - from + 0.5, 1), this.each - (this.each > 6 ? 1 : 0));
        }
        if (index % every === 0) {
          pen.fillStyle = tone("--muted");
          pen.textAlign = "right";
          pen.textBaseline = "middle";
          let label = row.name;
          while (label.length > 4 && pen.measureText(label).width > this.left - 12) label = `…${label.slice(2)}`;
          pen.fillText(label, this.left - 8, Math.max(top + this.each / 2, 6));
        }
      });
      this.cursor(pen, this.height - BOTTOM);
    }

    say() {
      const title = document.createElement("span");
      title.textContent = this.title;
      const key = document.createElement("span");
      key.className = "key";
      const at = view.cursor;
      const values = this.rows.map((row) => row.data.v[at === null ? row.data.v.length - 1 : nearest(row.data, at)]);
      const known = values.filter((value) => value > 0);
      key.textContent = known.length ? `${at === null ? "now" : `step ${Math.round(at).toLocaleString("en")}`}: ${figure(known.reduce((a, b) => Math.min(a, b)))} to ${figure(known.reduce((a, b) => Math.max(a, b)))}` : "";
      this.caption.replaceChildren(title, key);
    }

    said() {
      return `${this.title}: ${this.rows.length} layers, from ${figure(10 ** this.low)} to ${figure(10 ** this.high)}`;
    }
  }

  function move(step) {
    if (step === view.cursor) return;
    view.cursor = step;
    redraw();
  }

  function redraw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      for (const picture of all) {
        if (!picture.visible) continue;
        picture.say();
        picture.draw();
      }
    });
  }

  function recolour() {
    readTones();
    redraw();
  }

  return { Lines, Layers, view, redraw, recolour, smoothed, figure };
})();
