/** Every view there is. */

import type { Env } from '../log/file/env.js';
import { days } from './days.js';
import type { Projection } from './engine/projection.js';
import { errorGroups } from './error-groups.js';
import { errors } from './errors.js';
import { nameHours } from './name-hours.js';
import { names } from './names.js';
import { sessions } from './sessions.js';
import { streams } from './streams.js';
import { userHours } from './user-hours.js';
import { users } from './users.js';

export const PROJECTIONS: readonly Projection[] = [
  streams,
  sessions,
  users,
  days,
  userHours,
  errors,
  errorGroups,
  names,
  nameHours,
];

/** Makes every view's tables, so that no reader meets a missing one. */
export function openViewTables(env: Env): void {
  for (const { tables } of PROJECTIONS) for (const table of tables) env.table(table);
}
