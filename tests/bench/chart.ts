/** A bar of the chart. */
export interface Bar {
  title: string;
  /** CPU time of Deno's own sockets to that of this module. */
  ratio: number;
}

/** Whether the page that shows the chart is light or dark. */
export type Theme = "light" | "dark";

const COLOURS: Record<
  Theme,
  Record<"text" | "line" | "more" | "less", string>
> = {
  light: { text: "#1f2328", line: "#8c959f", more: "#1a7f37", less: "#0969da" },
  dark: { text: "#e6edf3", line: "#6e7681", more: "#3fb950", less: "#58a6ff" },
};

const WIDTH = 800;
const ROW = 26;
const TOP = 34;
/** Where the bars begin, and the longest of them. */
const LEFT = 330;
const SPAN = WIDTH - LEFT - 60;

/**
 * Draws how much this module does in the CPU time in which Deno's own sockets
 * do 1.
 *
 * @param bars What was measured, from the top.
 * @param theme The colours.
 * @returns An SVG document.
 */
export function drawChart(bars: readonly Bar[], theme: Theme): string {
  const { text, line, more, less } = COLOURS[theme];
  const most = Math.max(1, ...bars.map(({ ratio }) => ratio));
  const x = (ratio: number) => LEFT + (ratio / most) * SPAN;
  const height = TOP + bars.length * ROW + 8;
  const rows = bars.map(({ title, ratio }, i) => {
    const y = TOP + i * ROW;
    const end = x(ratio);
    return `  <text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${
      escape(title)
    }</text>
  <rect x="${LEFT}" y="${y + 3}" width="${
      (end - LEFT).toFixed(1)
    }" height="15" rx="2" fill="${ratio >= 1 ? more : less}"/>
  <text x="${(end + 6).toFixed(1)}" y="${y + 14}">${ratio.toFixed(2)}</text>`;
  });
  const one = x(1).toFixed(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="${text}" role="img" aria-label="Work in the same CPU time, compared with Deno's own sockets">
  <text x="${LEFT}" y="18">Work in the same CPU time; the dashed line is Deno's own sockets</text>
${rows.join("\n")}
  <line x1="${one}" y1="24" x2="${one}" y2="${
    height - 6
  }" stroke="${line}" stroke-dasharray="3 3"/>
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
