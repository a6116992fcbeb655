/** An icon: what is drawn in white on a disc of this colour, in a square of 96 units. */
interface Drawing {
  label: string;
  colour: string;
  shapes: string;
}

const line = 'fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"';
const solid = 'fill="#fff"';

/** The default icons of notifications, by name. */
export const DRAWINGS: Record<string, Drawing> = {
  bell: {
    label: 'Bell',
    colour: '#4f46e5',
    shapes: `<path ${solid} d="M48 22a17 17 0 0 0-17 17v12l-6 9v4h46v-4l-6-9V39a17 17 0 0 0-17-17z"/><path ${solid} d="M41 68a7 7 0 0 0 14 0z"/>`,
  },
  calendar: {
    label: 'Calendar',
    colour: '#0d9488',
    shapes: `<rect ${line} x="26" y="30" width="44" height="40" rx="5"/><path ${line} d="M26 43h44M37 24v10M59 24v10"/><circle ${solid} cx="38" cy="55" r="4"/><circle ${solid} cx="54" cy="55" r="4"/>`,
  },
  cart: {
    label: 'Shopping cart',
    colour: '#ea580c',
    shapes: `<path ${line} d="M22 28h8l7 30h27l7-22H33"/><circle ${solid} cx="41" cy="69" r="5"/><circle ${solid} cx="61" cy="69" r="5"/>`,
  },
  chat: {
    label: 'Speech bubble',
    colour: '#2563eb',
    shapes: `<path ${solid} d="M30 26h36a8 8 0 0 1 8 8v20a8 8 0 0 1-8 8H48L35 73V62h-5a8 8 0 0 1-8-8V34a8 8 0 0 1 8-8z"/><path fill="none" stroke="#2563eb" stroke-width="5" stroke-linecap="round" d="M34 39h28M34 50h18"/>`,
  },
  check: {
    label: 'Check mark',
    colour: '#16a34a',
    shapes: `<path fill="none" stroke="#fff" stroke-width="8" stroke-linecap="round" stroke-linejoin="round" d="M29 50l13 13 26-29"/>`,
  },
  clock: {
    label: 'Clock',
    colour: '#7c3aed',
    shapes: `<circle ${line} cx="48" cy="48" r="24"/><path ${line} d="M48 34v15l10 7"/>`,
  },
  gift: {
    label: 'Gift',
    colour: '#db2777',
    shapes: `<path ${line} d="M29 49h38v21H29zM25 37h46v12H25zM48 37v33"/><path ${line} d="M48 37c-18-2-17-17-7-15 5 1 7 9 7 15zM48 37c18-2 17-17 7-15-5 1-7 9-7 15z"/>`,
  },
  heart: {
    label: 'Heart',
    colour: '#e11d48',
    shapes: `<path ${solid} d="M48 71C33 60 24 51 24 41a12 12 0 0 1 24-4 12 12 0 0 1 24 4c0 10-9 19-24 30z"/>`,
  },
  info: {
    label: 'Information',
    colour: '#0284c7',
    shapes: `<circle ${solid} cx="48" cy="29" r="6"/><path fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round" d="M48 45v23"/>`,
  },
  megaphone: {
    label: 'Megaphone',
    colour: '#ca8a04',
    shapes: `<path ${solid} d="M24 42h12l26-14v40L36 54H24z"/><path ${line} d="M35 55l4 15M70 41a10 10 0 0 1 0 14"/>`,
  },
  sparkles: {
    label: 'Sparkles',
    colour: '#9333ea',
    shapes: `<path ${solid} d="M42 28c3 13 7 17 20 20-13 3-17 7-20 20-3-13-7-17-20-20 13-3 17-7 20-20zM66 22c1 6 3 8 9 9-6 1-8 3-9 9-1-6-3-8-9-9 6-1 8-3 9-9zM66 58c1 5 3 7 8 8-5 1-7 3-8 8-1-5-3-7-8-8 5-1 7-3 8-8z"/>`,
  },
  star: {
    label: 'Star',
    colour: '#d97706',
    shapes: `<path ${solid} d="M48 22l8 17 19 2-14 13 4 19-17-9-17 9 4-19-14-13 19-2z"/>`,
  },
  tag: {
    label: 'Price tag',
    colour: '#059669',
    shapes: `<path ${solid} d="M26 30a4 4 0 0 1 4-4h19l23 23a4 4 0 0 1 0 6L55 72a4 4 0 0 1-6 0L26 49z"/><circle fill="#059669" cx="37" cy="37" r="5"/>`,
  },
  truck: {
    label: 'Delivery van',
    colour: '#475569',
    shapes: `<path ${solid} d="M20 32h34v30H20zM57 41h11l9 11v10H57z"/><circle fill="#fff" stroke="#475569" stroke-width="4" cx="34" cy="64" r="7"/><circle fill="#fff" stroke="#475569" stroke-width="4" cx="65" cy="64" r="7"/>`,
  },
};

/** @returns an icon as SVG */
export function svgOf({ colour, shapes }: Pick<Drawing, 'colour' | 'shapes'>): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><circle cx="48" cy="48" r="48" fill="${colour}"/>${shapes}</svg>`;
}
