const ROWS = [
  'entered',
  'notQualified',
  'qualified',
  'waiting',
  'sent',
  'failed',
  'suppressed',
  'delivered',
  'viewed',
  'clicked',
  'dismissed',
];

/** @returns the statistics of campaigns side by side, as lines */
export function statsTable(columns: { name: string; stats: Record<string, unknown> }[]): string[] {
  const labels = ROWS.map((row) => row.replace('notQualified', 'not qualified'));
  const first = Math.max(...labels.map((label) => label.length));
  const cells = columns.map(({ name, stats }) => [name, ...ROWS.map((row) => cell(stats[row]))]);
  const widths = cells.map((column) => Math.max(...column.map((text) => text.length)));
  const line = (label: string, row: number): string =>
    [label.padEnd(first), ...cells.map((column, i) => (column[row] ?? '').padStart(widths[i] ?? 0))].join(
      '   ',
    );
  return [line('', 0), ...labels.map((label, i) => line(label, i + 1))];
}

/** A number, or counts by reason such as `inactionMet 11`. */
function cell(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const reasons = Object.entries(value).map(([reason, count]) => `${reason} ${String(count)}`);
  return reasons.length === 0 ? '0' : reasons.join(', ');
}

/** @returns where the Temporal UI shows a workflow */
export function workflowLink(uiUrl: string, namespace: string, workflowId: string): string {
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

/** @returns one notification as a line: who, in `width` characters, title and body */
export function notificationLine(who: string, shown: { title: string; body: string }, width: number): string {
  return `${who.padEnd(width)}  ${shown.title} | ${shown.body}`;
}
