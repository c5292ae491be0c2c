/** `npm run build`: installs what building takes and compiles all that the collector runs and serves, without starting it. */
import { SetupError, setup } from './setup.mjs';

try {
  await setup({ set: 'run' });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
