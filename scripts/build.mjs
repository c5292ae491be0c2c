/** `npm run build`: installs and compiles what the collector needs, without starting it. */
import { SetupError, setup } from './setup.mjs';

try {
  await setup({ set: 'run' });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
