// Draws a chart above each table of figures, from what stands in that table: it says nothing more, and so is hidden from
// who hears the page. Two periods differ by the line and its thickness too, and not by colour alone.

const HEIGHT = 220;
const FULL = { share: 1, mark: 10 };
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--draad-color-${name}`).trim();

function column(table, nth) {
  return [...table.tBodies[0].rows].map((row) => {
    const cell = row.querySelectorAll("td[data-value]")[nth];
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  });
}

function short(value, unit, language) {
  if (value === null) return "–";
  const said = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  if (unit === "share") return `${said.format(value * 100)} %`;
  if (unit !== "milliseconds") return said.format(value);
  const units = [[86_400_000, "d"], [3_600_000, language === "nl" ? "u" : "h"], [60_000, "min"], [1_000, "s"]];
  const [size, name] = units.find(([size]) => value >= size) ?? units.at(-1);
  return `${said.format(value / size)} ${name}`;
}

function draw(figure) {
  const [table, place] = [figure.querySelector("table"), figure.querySelector(".figures__drawn")];
  const { unit, language } = figure.dataset;
  const rows = [...table.tBodies[0].rows];
  const heads = rows.map((row) => row.cells[0].textContent || "");
  const names = [...table.tHead.rows[0].cells].filter((cell) => cell.textContent.includes(":")).map((cell) => cell.textContent);
  const value = (_, found) => short(found, unit, language);
  const width = () => Math.max(place.clientWidth, 200);
  const chart = new uPlot(
    {
      width: width(),
      height: HEIGHT,
      legend: { markers: { width: 3, dash: (_, nth) => (nth === 2 ? "dashed" : "solid") } },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, FULL[unit] ?? (high * 1.1 || 1)] } },
      axes: [
        { stroke: ink("ink-soft"), grid: { show: false }, values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? heads[at] || "" : "")), space: 90 },
        { stroke: ink("ink-soft"), size: 70, values: (_, splits) => splits.map((split) => short(split, unit, language)) },
      ],
      series: [
        { label: figure.dataset.period, value: (_, at) => (at === null ? "–" : heads[at]) },
        { label: names[0], stroke: ink("brand"), width: 3, points: { show: true, size: 7, fill: ink("brand") }, value },
        { label: names[1], stroke: "#b36b00", width: 2, dash: [8, 6], points: { show: true, size: 7, fill: "#fff" }, value },
      ],
    },
    [rows.map((_, nth) => nth), column(table, 0), column(table, 1)],
    place,
  );
  new ResizeObserver(() => chart.setSize({ width: width(), height: HEIGHT })).observe(place);
}

document.querySelectorAll("[data-chart]").forEach(draw);
