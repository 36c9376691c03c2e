// A reading under the pointer, and zooming: drag over a chart to look closer, double-click to see all again.
// The curves are read from the page itself; without this script they are all there, only still.
"use strict";
(() => {
  const WIDTH = 1000, TICKS = 8;
  const SVG = "http://www.w3.org/2000/svg";
  const charts = [];
  let view = null; // [first, last] step in sight on all charts, null: everything

  const points = (line) => (line.getAttribute("d").match(/-?[\d.]+ -?[\d.]+/g) || []).map((pair) => pair.split(" ").map(Number));
  const near = (list, x) => {
    let low = 0, high = list.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle][0] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - list[low - 1][0] < list[low][0] - x ? list[low - 1] : list[low];
  };
  const digits = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });

  for (const figure of document.querySelectorAll("figure.chart")) {
    const facts = figure.dataset;
    const chart = {
      figure, first: Number(facts.first), last: Number(facts.last), low: Number(facts.low), high: Number(facts.high),
      logarithmic: facts.log === "1", svg: figure.querySelector("svg"), plot: figure.querySelector(".plot"),
      steps: figure.querySelector(".steps"), cross: figure.querySelector(".cross"), said: figure.querySelector(".reading"),
      lines: [...figure.querySelectorAll(".line")].map((line) => ({ name: line.dataset.name, points: points(line) })),
    };
    charts.push(chart);
    listen(chart);
  }

  function inSight(chart) { return view || [chart.first, chart.last]; }
  function place(chart, event) {
    const box = chart.svg.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width * WIDTH;
    return Math.min(WIDTH, Math.max(0, across));
  }
  const share = (across) => across / WIDTH * 100 + "%";
  function stepAt(chart, across) {
    const [first, last] = inSight(chart);
    return first + across / WIDTH * (last - first);
  }
  function show(chart, step) {
    const [first, last] = inSight(chart);
    const across = (step - first) / (last - first) * WIDTH;
    chart.cross.setAttribute("x1", share(across));
    chart.cross.setAttribute("x2", share(across));
    chart.cross.classList.add("on");
    const x = (step - chart.first) / (chart.last - chart.first) * WIDTH; // among the points of the curves
    const parts = ["step " + Math.round(step).toLocaleString("en")];
    for (const line of chart.lines) {
      if (!line.points.length) continue;
      let value = chart.high - near(line.points, x)[1] / 300 * (chart.high - chart.low);
      if (chart.logarithmic) value = 10 ** value;
      parts.push((line.name ? "\u2068" + line.name + "\u2069 " : "") + digits(value));
    }
    chart.said.textContent = parts.join("  ·  ");
  }
  function hide() {
    for (const chart of charts) { chart.cross.classList.remove("on"); chart.said.textContent = ""; }
  }
  function zoom(range) {
    view = range;
    for (const chart of charts) {
      const [first, last] = inSight(chart), all = chart.last - chart.first;
      chart.plot.setAttribute("viewBox", [(first - chart.first) / all * WIDTH, 0, (last - first) / all * WIDTH, 300].join(" "));
      label(chart, first, last);
    }
  }
  function label(chart, first, last) {
    const raw = (last - first) / TICKS, power = 10 ** Math.floor(Math.log10(raw));
    const gap = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw * 0.999));
    const labels = [];
    for (let step = Math.ceil(first / gap) * gap; step <= last; step += gap) {
      const text = document.createElementNS(SVG, "text");
      const x = (step - first) / (last - first) * WIDTH;
      text.setAttribute("x", share(x));
      text.setAttribute("y", "100%");
      text.setAttribute("dy", "18");
      text.setAttribute("class", "tick");
      text.setAttribute("text-anchor", x > WIDTH - 30 ? "end" : "middle");
      text.textContent = step.toLocaleString("en");
      labels.push(text);
    }
    chart.steps.replaceChildren(...labels);
  }
  function listen(chart) {
    let from = null, mark = null;
    chart.svg.addEventListener("pointermove", (event) => {
      const across = place(chart, event), step = stepAt(chart, across);
      for (const one of charts) show(one, Math.min(one.last, Math.max(one.first, step)));
      if (mark) {
        mark.setAttribute("x", share(Math.min(from, across)));
        mark.setAttribute("width", share(Math.abs(across - from)));
      }
    });
    chart.svg.addEventListener("pointerleave", () => { if (!mark) hide(); });
    chart.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return;
      event.preventDefault();
      chart.svg.setPointerCapture(event.pointerId);
      from = place(chart, event);
      mark = document.createElementNS(SVG, "rect");
      for (const [name, value] of [["class", "chosen"], ["x", share(from)], ["y", 0], ["width", 0], ["height", "100%"]]) mark.setAttribute(name, value);
      chart.svg.append(mark);
    });
    const end = (event) => {
      if (!mark) return;
      mark.remove();
      mark = null;
      const to = place(chart, event);
      if (event.type === "pointerup" && Math.abs(to - from) > 8) {
        const [one, other] = [stepAt(chart, from), stepAt(chart, to)].sort((a, b) => a - b);
        if (other - one >= 2) zoom([one, other]);
      }
    };
    chart.svg.addEventListener("pointerup", end);
    chart.svg.addEventListener("pointercancel", end);
    chart.svg.addEventListener("dblclick", () => zoom(null));
  }
  document.documentElement.dataset.script = "ran";
})();
