// SPDX-License-Identifier: Apache-2.0
// A process that reads values over TLS, wipes all that it can reach of them, and answers each with a byte; with `wipe`, its stack too.
//
//   node stack-reader.cjs PORT [wipe]
import { connect } from 'node:tls';
import { wipeStack } from '../../src/common/index.ts';

const [port, how] = process.argv.slice(2);
const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
socket.on('data', (data: Buffer) => {
  data.fill(0);
  setImmediate(() => {
    if (how === 'wipe') {
      wipeStack();
    }
    socket.write('.');
  });
});
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
