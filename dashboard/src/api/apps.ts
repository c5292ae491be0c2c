/** Which apps there are: where there is only one, nobody needs to be told which. */
import type { AppsAnswer } from './types.js';
import { useQuery } from './use-query.js';

/** True where several apps are configured, and until that is known. */
export function useManyApps(): boolean {
  const { data } = useQuery<AppsAnswer>('/v1/apps');
  return data === undefined || data.apps.length > 1;
}
