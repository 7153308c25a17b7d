// A map of one value by layer and step.
class Layers extends charts.Picture {
  constructor(title) {
    super(title, 60, true);
    this.rows = [];
  }

  set(rows) {
    this.rows = rows;
    const known = rows.flatMap((row) => row.data.v).filter((value) => value > 0).sort((a, b) => a - b);
    this.low = Math.log10(scales.quantile(known, 0.01) || 1e-6);
    this.high = Math.max(Math.log10(scales.quantile(known, 0.99) || 1), this.low + 0.3);
    this.each = Math.min(Math.max(330 / rows.length, 3), 17);
    this.height = Math.ceil(rows.length * this.each) + charts.BOTTOM;
    this.canvas.setAttribute("aria-label", this.said());
    this.say();
  }

  colour(value) {
    if (value === null) return charts.tone("--error");
    const share = value > 0 ? Math.min(Math.max((Math.log10(value) - this.low) / (this.high - this.low), 0), 1) : 0;
    const [from, to, at] = share < 0.5 ? ["--raised", "--line", share * 2] : ["--line", "--second", share * 2 - 1];
    return `rgb(${charts.tones[from].map((part, i) => Math.round(part + (charts.tones[to][i] - part) * at)).join(", ")})`;
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
        const from = this.x(i ? s[i] : charts.view.first), to = this.x(i + 1 < s.length ? s[i + 1] : charts.view.last);
        pen.fillStyle = this.colour(v[i]);
        pen.fillRect(from, top, Math.max(to - from + 0.5, 1), this.each - (this.each > 6 ? 1 : 0));
      }
      if (index % every === Math.min(1, every - 1)) {
        pen.fillStyle = charts.tone("--muted");
        pen.textAlign = "right";
        pen.textBaseline = "middle";
        let label = row.name;
        while (label.length > 4 && pen.measureText(label).width > this.left - 12) label = `…${label.slice(2)}`;
        pen.fillText(label, this.left - 8, Math.max(top + this.each / 2, 6));
      }
    });
    this.cursor(pen, this.height - charts.BOTTOM);
  }

  say() {
    const title = document.createElement("span");
    title.textContent = this.title;
    const key = document.createElement("span");
    key.className = "key";
    const at = charts.view.cursor;
    const values = this.rows.map((row) => row.data.v[at === null ? row.data.v.length - 1 : scales.nearest(row.data, at)]);
    const known = values.filter((value) => value > 0);
    key.textContent = known.length ? `${at === null ? "now" : `step ${Math.round(at).toLocaleString("en")}`}: ${scales.figure(known.reduce((a, b) => Math.min(a, b)))} to ${scales.figure(known.reduce((a, b) => Math.max(a, b)))}` : "";
    this.caption.replaceChildren(title, key);
  }

  said() {
    return `${this.title}: ${this.rows.length} layers, from ${scales.figure(10 ** this.low)} to ${scales.figure(10 ** this.high)}`;
  }
}
