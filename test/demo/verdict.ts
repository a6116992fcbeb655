/** One notification that somebody is to get, or got. */
export interface Delivery {
  /** The person's identity. */
  to: string;
  /** How the person is called in a line. */
  who: string;
  title: string;
  body: string;
}

/**
 * Compares what was to be shown with what was shown: each once and nothing else.
 *
 * @param held those that the push service accepted and no browser has
 * @returns a line for each fault
 */
export function deliveryFaults(expected: Delivery[], shown: Delivery[], held: Delivery[]): string[] {
  const [wanted, got, kept] = [countByKey(expected), countByKey(shown), countByKey(held)];
  const faults: string[] = [];
  for (const [key, { delivery }] of wanted) {
    if (got.has(key)) continue;
    const where = kept.has(key)
      ? 'the push service took it and gave it to no browser'
      : 'it was never sent to the push service';
    faults.push(`missing     ${describe(delivery)}: ${where}`);
  }
  for (const [key, { delivery, count }] of got) {
    if (!wanted.has(key)) faults.push(`unexpected  ${describe(delivery)}`);
    else if (count > 1) faults.push(`repeated    ${describe(delivery)}: shown ${count} times`);
  }
  return faults;
}

/**
 * Compares figures by name.
 *
 * @param expected the figures that matter; objects are compared as JSON
 * @returns a line for each that differs
 */
export function figureFaults(
  name: string,
  expected: Record<string, unknown>,
  stats: Record<string, unknown>,
): string[] {
  return Object.entries(expected).flatMap(([figure, value]) => {
    const [wanted, is] = [JSON.stringify(value), JSON.stringify(stats[figure])];
    return wanted === is ? [] : [`statistics  ${name}: ${figure} is ${is}, ${wanted} was expected`];
  });
}

function describe({ who, title, body }: Delivery): string {
  return `${who}: "${title}" / "${body}"`;
}

function countByKey(deliveries: Delivery[]): Map<string, { delivery: Delivery; count: number }> {
  const counts = new Map<string, { delivery: Delivery; count: number }>();
  for (const delivery of deliveries) {
    const key = JSON.stringify([delivery.to, delivery.title, delivery.body]);
    const known = counts.get(key);
    if (known) known.count += 1;
    else counts.set(key, { delivery, count: 1 });
  }
  return counts;
}
