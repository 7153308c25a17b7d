"use strict";
// Numbers of the live page's charts: how they are written, smoothed, and laid along an axis.
const scales = (() => {
  const FAR = 2.5; // spikes beyond this many times the height of the rest are cut and named

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

  return { figure, nearest, smoothed, ticks, quantile, domain };
})();
