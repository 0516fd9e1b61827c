// SPDX-License-Identifier: Apache-2.0
// Docker Engines of other Debians, for the live tests: their packages, and all that tests run beside them, unpacked into a folder. Nothing
// is installed: apt has settings, lists and a list of installed packages (an empty one) of its own, and no package's script runs.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const cache = path.join(import.meta.dirname, '..', '..', 'build', 'cache', 'engines');

/** The engines that are tested beside this machine's own, and the Debian that each is of. */
const suiteOf = { 26.1: 'trixie', 28.5: 'sid' };

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The engine, and what runs in a box beside it. apt adds what these need. */
const packages = [
  'docker.io docker-cli docker-compose docker-registry busybox-static iproute2 iptables',
  'base-files bash coreutils dash findutils grep gzip hostname kmod',
  'libfaketime libstdc++6 make mawk mount openssl perl-base procps sed tar util-linux',
].flatMap((line) => line.split(' '));

/** Links that the packages' scripts make when they are installed: in usr, where from and where to. */
const links = [
  ['bin/awk', 'mawk'],
  ...['iptables', 'ip6tables'].flatMap((name) =>
    ['', '-save', '-restore'].map((end) => [`sbin/${name}${end}`, 'xtables-nft-multi']),
  ),
];

const COMMAND_MS_MAX = 10 * 60_000;
/** How much of what a failed command wrote is quoted: apt says the cause last. */
const quoted_lines = 3;

/** The versions that `unpackEngine` knows. */
export const debianEngines = Object.keys(suiteOf).sort();

/** Runs a program to its end and resolves to what it wrote; throws one sentence, with the last of that, unless it exits with 0. */
async function run(program, args, what) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: COMMAND_MS_MAX });
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      written += chunk.toString('utf8');
    });
  }
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      written = error.message;
      resolve(1);
    });
    child.once('close', resolve);
  });
  if (code !== 0) {
    const cause = written.trim().split('\n').slice(-quoted_lines).join(' ');
    throw new Error(`${what} failed: ${cause}`);
  }
  return written;
}

/** The mirror of Debian that this machine's apt has. */
async function mirror() {
  const query = ['indextargets', '--format', '$(REPO_URI)', 'Identifier: Packages', 'Label: Debian'];
  const ask = async () => (await run('apt-get', query, "asking apt for Debian's mirror")).trim();
  let known = await ask();
  if (known === '') {
    // It tells only of those whose lists it has.
    await run('apt-get', ['--quiet', 'update'], "updating apt's lists");
    known = await ask();
  }
  if (known === '') {
    throw new Error("apt on this machine has no mirror of Debian, which the engines' packages come from");
  }
  return known.split('\n')[0];
}

/** Resolves to the names of the packages' files in `place`/archives. */
async function download(suite, place) {
  mkdirSync(path.join(place, 'lists', 'partial'), { recursive: true });
  mkdirSync(path.join(place, 'archives', 'partial'), { recursive: true });
  writeFileSync(path.join(place, 'status'), '');
  const source = `deb [signed-by=${KEYRING}] ${await mirror()} ${suite} main\n`;
  writeFileSync(path.join(place, 'sources.list'), source);
  const settings = {
    'Dir::Etc::SourceList': path.join(place, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': path.join(place, 'lists'),
    'Dir::State::status': path.join(place, 'status'),
    'Dir::Cache': place,
    'Dir::Cache::archives': path.join(place, 'archives'),
    'APT::Install-Recommends': 'false',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...options, '--quiet', 'update'], `reading what Debian ${suite} has`);
  const install = ['--quiet', '--yes', '--download-only', 'install', ...packages];
  await run('apt-get', [...options, ...install], `downloading the packages of Debian ${suite}`);
  return readdirSync(path.join(place, 'archives')).filter((file) => file.endsWith('.deb'));
}

/** The version of the engine among packages' files: `docker.io_28.5.2+dfsg4-5_amd64.deb` is 28.5.2. */
function engineVersion(files) {
  return files.map((file) => /^docker\.io_([\d.]+)/.exec(file)?.[1]).find((version) => version !== undefined);
}

/**
 * The folder with the engine of `version` (such as `28.5`) in its usr. What is there is used; else it is downloaded
 * (some 120 MB) and unpacked (some 500 MB). `say` is told what happens. Throws one sentence when that cannot be.
 */
export async function unpackEngine(version, say) {
  const suite = suiteOf[version];
  if (suite === undefined) {
    throw new Error(
      `no Debian is known with Docker Engine ${version}; there are ${debianEngines.join(' and ')}`,
    );
  }
  const place = path.join(cache, version);
  const root = path.join(place, 'root');
  // Written last: it says that all is there, and what that is.
  const stamp = path.join(place, 'packages.json');
  if (existsSync(stamp)) {
    const known = JSON.parse(readFileSync(stamp, 'utf8'));
    if (known.suite === suite && known.wanted.join() === packages.join()) {
      return root;
    }
  }
  rmSync(place, { recursive: true, force: true });
  say(`Docker Engine ${version}: downloading the packages of Debian ${suite} (some 120 MB)`);
  const files = await download(suite, place);
  const found = engineVersion(files);
  if (found === undefined || !`${found}.`.startsWith(`${version}.`)) {
    throw new Error(
      `Debian ${suite} has Docker Engine ${found ?? 'nowhere'} by now, and not ${version}; test/support/debian-engines.mjs says which has which`,
    );
  }
  say(`Docker Engine ${version}: unpacking ${files.length} packages`);
  mkdirSync(root);
  for (const file of files) {
    await run('dpkg-deb', ['--extract', path.join(place, 'archives', file), root], `unpacking ${file}`);
  }
  for (const [from, to] of links) {
    symlinkSync(to, path.join(root, 'usr', from));
  }
  for (const done of ['archives', 'lists', 'pkgcache.bin', 'srcpkgcache.bin']) {
    rmSync(path.join(place, done), { recursive: true, force: true });
  }
  writeFileSync(stamp, `${JSON.stringify({ suite, wanted: packages, files }, null, 2)}\n`);
  return root;
}
