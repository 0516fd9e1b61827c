// SPDX-License-Identifier: Apache-2.0
// Assembles the managed plugin, without a Docker Engine: build/plugin/{config.json,rootfs/}, ready for
// `docker plugin create`. The same input gives the same files, down to their times and modes; build/plugin.sha256 has
// the digest of all of them (docs/supply-chain.md).
import { spawnSync } from 'node:child_process';
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
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { billOfMaterials } from './bill-of-materials.mjs';
import { fetchNode, nodeVersion } from './node.mjs';
import { pluginDigest } from './plugin-digest.mjs';
import { commonLicences, pluginParts } from './plugin-parts.mjs';
import { digest, fail, run, step } from './steps.mjs';
import { thirdPartyLicences } from './third-party-licences.mjs';

const root = path.dirname(import.meta.dirname);
const plugin = path.join(root, 'build', 'plugin');
const rootfs = path.join(plugin, 'rootfs');
const digestFile = path.join(root, 'build', 'plugin.sha256');

/** The one time that every file of the rootfs carries. */
const fileTime_s = Number(process.env.SOURCE_DATE_EPOCH ?? 0);

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

function write(place, text) {
  const target = path.join(rootfs, place);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function aboutProject() {
  return JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
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
  const { version } = aboutProject();
  const about = {
    version,
    node: nodeVersion,
    busybox: `sha256:${digest('sha256', busybox, 'hex')}`,
    bundle: `sha256:${digest('sha256', bundle, 'hex')}`,
  };
  write('usr/lib/coffer/version.json', `${JSON.stringify(about, null, 2)}\n`);
}

/** What the licences of the parts ask for: their texts, and where their source is; and the bill of materials. */
function installPapers(nodeHome) {
  const { own, parts } = pluginParts(rootfs, nodeHome);
  const doc = path.join('usr', 'share', 'doc');
  install(path.join(root, 'LICENSE'), path.join(doc, 'coffer', 'copyright'));
  for (const file of commonLicences(parts)) {
    install(file, file);
  }
  for (const { name, text } of parts.filter(({ name, source }) => source !== undefined || name === 'node')) {
    write(path.join(doc, name, 'copyright'), text);
  }
  const notices = 'coffer-daemon.cjs.LEGAL.txt';
  install(path.join(root, 'dist', notices), path.join(doc, 'coffer', notices));
  write(path.join(doc, 'coffer', 'THIRD-PARTY-LICENSES'), thirdPartyLicences(parts));
  const { version, license, dependencies } = aboutProject();
  const bill = billOfMaterials({
    about: { name: 'coffer', version, licence: license },
    files: own,
    parts,
    uses: [...Object.keys(dependencies), 'node', 'busybox-static'],
    ...(process.env.SOURCE_DATE_EPOCH === undefined ? {} : { time_s: fileTime_s }),
  });
  write(path.join(doc, 'coffer', 'sbom.cdx.json'), bill);
  writeFileSync(path.join(root, 'build', 'sbom.cdx.json'), bill);
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

const nodeHome = fetchNode();
const busybox = findBusybox();
step('assembling build/plugin', () => {
  rmSync(digestFile, { force: true });
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
  write('etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\n');
  write('etc/group', 'root:x:0:\n');
  installPapers(nodeHome);
});
const size_bytes = settle(rootfs);
if (process.getuid() === 0) {
  step('trying it out', tryOut);
}
const config = path.join(plugin, 'config.json');
cpSync(path.join(root, 'config.json'), config);
chmodSync(config, 0o644);
// Last, since its presence tells that the rest is complete.
writeFileSync(digestFile, `${await pluginDigest(plugin, fileTime_s)}\n`);
process.stdout.write(`plugin: build/plugin is ready, ${(size_bytes / 1e6).toFixed(0)} MB\n`);
