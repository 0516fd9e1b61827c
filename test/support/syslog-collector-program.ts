// SPDX-License-Identifier: Apache-2.0
// A program that takes what comes by TCP, and appends it to a file as it is: syslog-collector-program PORT FILE
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:net';

const [, , port, file = ''] = process.argv;

createServer((socket) => {
  socket.on('data', (bytes) => appendFileSync(file, bytes));
  socket.on('error', () => undefined);
}).listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'));
