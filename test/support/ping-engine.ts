// SPDX-License-Identifier: Apache-2.0
// Pings the engine at the socket that its argument names, as the daemon would, and says so.
import { EngineClient } from '../../src/engine/index.ts';

const [socketPath = ''] = process.argv.slice(2);

void new EngineClient({ socketPath }).ping().then(() => process.stdout.write('pong\n'));
