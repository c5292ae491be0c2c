/** The staff of the made-up company that uses the inventory app. */
import { randomFrom } from './random.js';

export type Role = 'warehouse' | 'purchasing' | 'sales' | 'finance' | 'management';

export interface Employee {
  id: string;
  name: string;
  email: string;
  role: Role;
  /** UTC offset of the employee's office, hours. */
  utcOffsetHours: number;
  /** How much the employee uses the app; 1 is average. */
  diligence: number;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const FIRST_NAMES = words(`
  Amara Ines Maya Sofia Hannah Priya Lena Yuki Fatima Clara Zoë Nadia Grace Elif Rosa Mei Aisha
  Olivia Freya Camille Ingrid Leila Teresa Chloe Anja Mateo Jonas Omar Lukas Daniel Kofi Henrik Ravi
  Tomás Samuel Noah Wei Andre Karim Felix Marcus Emil Hugo Ivan Diego Julian Peter Łukasz Arjun Ben
  Tariq`);
const LAST_NAMES = words(`
  Okafor Lindqvist Patel Moreau García Schneider Tanaka Novak Haddad Brennan Silva Kowalski Nguyen
  Fischer Andersen Rossi Mensah Yılmaz Carter Weber Chen Dubois Ortega Becker Sharma Larsen
  Whitfield Kim Petrov Hoffmann Abdi Marino Jansen Lopez Müller Ivanova Bailey Sato Costa Keller
  Osei Vargas Lim Richter Doyle`);
const ROLES: readonly Role[] = ['warehouse', 'purchasing', 'sales', 'finance', 'management'];
const ROLE_WEIGHTS = [38, 18, 26, 12, 6];
/** Rotterdam, Chicago, Singapore. */
const OFFICES_UTC_HOURS = [1, -6, 8];
const OFFICE_WEIGHTS = [55, 30, 15];

/** The first `count` employees of a seed; a greater `count` adds employees and changes none. */
export function staff(seed: number, count: number): Employee[] {
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, index) => {
    const random = randomFrom(seed, 'employee', index);
    const first = random.pick(FIRST_NAMES);
    const last = random.pick(LAST_NAMES);
    const id = freeId(`${ascii(first)}.${ascii(last)}`, taken);
    return {
      id,
      name: `${first} ${last}`,
      email: `${id}@harborline.example`,
      role: random.weighted(ROLES, ROLE_WEIGHTS),
      utcOffsetHours: random.weighted(OFFICES_UTC_HOURS, OFFICE_WEIGHTS),
      diligence: 0.4 + random.next() * 1.3,
    };
  });
}

function freeId(wanted: string, taken: Set<string>): string {
  let id = wanted;
  for (let n = 2; taken.has(id); n++) id = `${wanted}${n}`;
  taken.add(id);
  return id;
}

/** `Łukasz` → `lukasz`, for e-mail addresses. */
function ascii(name: string): string {
  return name.normalize('NFD').replace(/\p{M}/gu, '').replace(/ł/gi, 'l').replace(/ı/g, 'i').toLowerCase();
}
