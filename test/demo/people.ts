/** Somebody of the demo's shop. */
export interface Person {
  identity: string;
  name: string;
  city: string;
  /** IANA name. */
  timezone: string;
  country: string;
}

const CITIES: [string, string, string][] = [
  ['Berlin', 'Europe/Berlin', 'DE'],
  ['Lagos', 'Africa/Lagos', 'NG'],
  ['Tokyo', 'Asia/Tokyo', 'JP'],
  ['New York', 'America/New_York', 'US'],
  ['São Paulo', 'America/Sao_Paulo', 'BR'],
  ['Kolkata', 'Asia/Kolkata', 'IN'],
  ['Sydney', 'Australia/Sydney', 'AU'],
  ['London', 'Europe/London', 'GB'],
  ['Kathmandu', 'Asia/Kathmandu', 'NP'],
  ['Los Angeles', 'America/Los_Angeles', 'US'],
];

const NAMES =
  `Ada Ben Chiara David Elif Farid Greta Hugo Ines Jonas Kaori Liam Maja Noor Oskar Priya Quentin Rosa
  Samir Tove Uma Viktor Wanda Xenia Yusuf Zoë Amara Bruno Clara Dmitri Esther Felix Gül Hana Ivo Júlia Kwame Lena
  Mateo Nadia Olga Paolo Rania Sven Tomás Ulla Vera Wei Yara Zola`.split(/\s+/);

export const PEOPLE_COUNT = NAMES.length;

/** How many notifications one demo makes: one for everybody, and one for each cart that is left. */
export function countPushes(): number {
  const people = makePeople('');
  return people.length + makeCarts(people).filter((cart) => !cart.bought).length;
}

/** @returns the people of one demo; their identities carry its run */
export function makePeople(run: string): Person[] {
  return NAMES.map((name, i) => {
    const [city, timezone, country] = CITIES[i % CITIES.length] ?? ['', 'UTC', ''];
    return { identity: `${run}-${String(i + 1).padStart(2, '0')}`, name, city, timezone, country };
  });
}

export interface Cart {
  person: Person;
  cartId: string;
  product: string;
  price: number;
  /** Bought before the window is over. */
  bought: boolean;
  /** Put in once more while the window runs; only the first time counts. */
  repeated: boolean;
}

const PRODUCTS: [string, number][] = [
  ['reading lamp', 49],
  ['teapot', 35],
  ['wool blanket', 89],
  ['desk clock', 27],
  ['rain jacket', 120],
  ['chess set', 64],
  ['fountain pen', 42],
];

const ABANDONING = 14;
const BUYING = 10;

/** Fourteen leave their cart, ten buy it, one buys one of two, and one puts the same in twice and leaves it. */
export function makeCarts(people: Person[]): Cart[] {
  const carts: Cart[] = [];
  const add = (index: number, more: Partial<Cart> = {}): void => {
    const person = people[index];
    if (!person) throw new Error(`there is no person ${index}`);
    const [product, price] = PRODUCTS[carts.length % PRODUCTS.length] ?? ['', 0];
    const cartId = `cart-${String(carts.length + 1).padStart(2, '0')}`;
    carts.push({ person, cartId, product, price, bought: false, repeated: false, ...more });
  };
  for (let i = 0; i < ABANDONING; i += 1) add(i);
  for (let i = 0; i < BUYING; i += 1) add(ABANDONING + i, { bought: true });
  add(ABANDONING + BUYING, { bought: true });
  add(ABANDONING + BUYING);
  add(ABANDONING + BUYING + 1, { repeated: true });
  return carts;
}
