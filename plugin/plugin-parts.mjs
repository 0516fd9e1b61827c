// SPDX-License-Identifier: Apache-2.0
// What the plugin is made of besides coffer's own code, with the files that each part has in it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { nodeVersion } from './node.mjs';
import { daemonParts, escape } from './parts.mjs';
import { fail, run } from './steps.mjs';

const root = path.dirname(import.meta.dirname);
const addons = '/usr/lib/coffer/prebuilds/';
const papers = '/usr/share/';

/** Debian's packages of which the plugin has files, and which files. */
const debianPackages = [
  { name: 'busybox-static', licence: 'GPL-2.0-only', files: /^busybox$/ },
  { name: 'libc6', licence: 'LGPL-2.1-or-later', files: /^(lib(c|dl|m|pthread)\.so|ld-linux)/ },
  { name: 'libgcc-s1', licence: 'GPL-3.0-or-later WITH GCC-exception-3.1', files: /^libgcc_s\.so/ },
  { name: 'libstdc++6', licence: 'GPL-3.0-or-later WITH GCC-exception-3.1', files: /^libstdc\+\+\.so/ },
];

function debianFields(name) {
  const fields = ['Version', 'Architecture', 'source:Package', 'source:Version'];
  const format = fields.map((field) => `\${${field}}\\n`).join('');
  const asked = spawnSync('dpkg-query', ['-W', '-f', format, name], { encoding: 'utf8' });
  if (asked.status !== 0) {
    fail(`Debian's package ${name} is not on this machine, which the plugin is assembled from`);
  }
  const [version, architecture, source, sourceVersion] = asked.stdout.split('\n');
  return { version, architecture, source, sourceVersion };
}

/** The packages of Debian, as this machine has them. `source` says which source package each was built from. */
function debianParts() {
  const release = readFileSync('/etc/os-release', 'utf8');
  const field = (name) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? '';
  const distribution = [field('ID'), field('VERSION_ID')].filter((word) => word !== '').join('-');
  return debianPackages.map(({ name, licence }) => {
    const { version, architecture, source, sourceVersion } = debianFields(name);
    const copyright = path.join('/usr/share/doc', name, 'copyright');
    if (!existsSync(copyright)) {
      fail(`${copyright} is not there, which has to go with what is taken from ${name}`);
    }
    const qualifiers = `arch=${architecture}&distro=${escape(distribution)}`;
    return {
      name,
      version,
      licence,
      purl: `pkg:deb/${field('ID')}/${escape(name)}@${escape(version)}?${qualifiers}`,
      text: readFileSync(copyright, 'utf8'),
      copyright,
      source: `${source} ${sourceVersion}`,
    };
  });
}

/** The libraries that are compiled into Node, for whoever looks for known weaknesses in them. Their licences are in Node's. */
function libraries(node) {
  const versions = JSON.parse(run(node, ['-p', 'JSON.stringify(process.versions)']));
  const no = ['node', 'modules', 'napi', 'unicode', 'cldr', 'tz'];
  const otherwise = { ares: 'c-ares', uv: 'libuv' };
  return Object.entries(versions)
    .filter(([name, version]) => version !== '' && !no.includes(name))
    .map(([key, version]) => {
      const name = otherwise[key] ?? key;
      return { name, version, purl: `pkg:generic/${escape(name)}@${escape(version)}` };
    });
}

function nodePart(nodeHome, debian) {
  return {
    name: 'node',
    version: nodeVersion,
    licence: 'MIT',
    type: 'platform',
    purl: `pkg:generic/node@${nodeVersion}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${nodeVersion}:*:*:*:*:*:*:*`,
    text: readFileSync(path.join(nodeHome, 'LICENSE'), 'utf8'),
    parts: libraries(path.join(nodeHome, 'node')),
    uses: debian.filter(({ name }) => name.startsWith('lib')).map(({ purl }) => purl),
  };
}

/** All files of the rootfs that do something, in the order of their names, each with its digest. */
function workingFiles(rootfs) {
  return readdirSync(rootfs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `/${path.relative(rootfs, path.join(entry.parentPath, entry.name))}`)
    .filter((place) => !place.startsWith(papers))
    .sort()
    .map((place) => ({
      place,
      sha256: createHash('sha256')
        .update(readFileSync(path.join(rootfs, place)))
        .digest('hex'),
    }));
}

/** The name of the part that a file belongs to; undefined for coffer's own. */
function ownerOf(place) {
  if (place === '/usr/bin/node') {
    return 'node';
  }
  if (place.startsWith(addons)) {
    return 'classic-level';
  }
  const debian = debianPackages.find(({ files }) => files.test(path.basename(place)))?.name;
  if (debian === undefined && /^\/(bin|sbin|lib\w*)\//.test(place)) {
    fail(`it is not known which package of Debian ${place} comes from, and under which licence`);
  }
  return debian;
}

/** What the rootfs, as it is assembled by now, is made of: coffer's own files, and the parts of others with theirs. */
export function pluginParts(rootfs, nodeHome) {
  const inputs = JSON.parse(readFileSync(path.join(root, 'dist', 'coffer-daemon.inputs.json'), 'utf8'));
  const files = workingFiles(rootfs);
  const filesOf = (name) => files.filter(({ place }) => ownerOf(place) === name);
  const debian = debianParts();
  const parts = [...daemonParts(inputs), ...debian, nodePart(nodeHome, debian)];
  return { own: filesOf(undefined), parts: parts.map((part) => ({ ...part, files: filesOf(part.name) })) };
}

/** The licences of which Debian's packages have only the names in their own papers, as files of this machine. */
export function commonLicences(parts) {
  const named = parts
    .filter(({ source }) => source !== undefined)
    .flatMap(({ text }) => text.match(/\/usr\/share\/common-licenses\/[\w.-]*\w/g) ?? []);
  return [...new Set(named)].sort();
}
