// SPDX-License-Identifier: Apache-2.0
// Certificates that coffer's CA would never issue, with its key all the same, by the openssl program.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AuthorityObject } from '../../../src/membership/index.ts';
import type { TlsCredentials } from '../../../src/transport/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';

const EXTENSIONS = 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n';
const NEW_KEY = 'req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj';
const SIGN =
  'x509 -req -days 2 -in leaf.csr -CA ca.pem -CAkey ca.der -CAkeyform DER -extfile ext -out leaf.pem';

/** For a subject in openssl's form, `/O=.../OU=.../CN=...`. */
export function issueByOpenSsl(
  { certificate, privateKey }: AuthorityObject,
  subject: string,
): TlsCredentials {
  const directory = temporaryDirectory();
  try {
    const file = (name: string): string => path.join(directory.path, name);
    const run = (command: string, ...rest: readonly string[]): void => {
      execFileSync('openssl', [...command.split(' '), ...rest], { cwd: directory.path, stdio: 'pipe' });
    };
    writeFileSync(file('ca.pem'), certificate);
    writeFileSync(file('ca.der'), privateKey, { mode: 0o600 });
    writeFileSync(file('ext'), EXTENSIONS);
    run(NEW_KEY, subject);
    run(SIGN, '-set_serial', String(Date.now()));
    return {
      certificate: readFileSync(file('leaf.pem'), 'utf8'),
      key: readFileSync(file('leaf.key'), 'utf8'),
      roots: [certificate],
    };
  } finally {
    directory.remove();
  }
}
