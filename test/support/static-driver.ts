// SPDX-License-Identifier: Apache-2.0
// The cheapest secret driver that can be: one value in memory, no store, no encryption, no labels. What coffer's
// GetSecret costs is measured beside it.
import { createServer } from 'node:http';

const [socketPath = ''] = process.argv.slice(2);
const answer = JSON.stringify({ Value: Buffer.alloc(64, 'x').toString('base64'), DoNotReuse: true });

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString('utf8'));
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length });
    response.end(answer);
  });
});
server.listen(socketPath, () => process.stdout.write('listening\n'));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
