// Lines over steps, on canvas. A point costs a few bytes and no element, so a hundred thousand steps
// are drawn as fast as a hundred.
const charts = (() => {
  const { figure, nearest, ticks, domain } = scales;
  const LEFT = 50, RIGHT = 12, BOTTOM = 22, TOP = 10, LABEL_ROW = 15, MOST_ROWS = 3;
  const TICK_ROOM = 64;
  const FEW = 30; // evaluations are points, many steps a line
  const COLOURS = ["--line", "--second", "--third", "--fourth", "--muted"];
  const all = new Set();
  const view = { first: 0, last: 1, cursor: null, log: false };
  const tones = {};
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

  return { Lines, Picture, view, tone, tones, redraw, recolour, BOTTOM };
})();
