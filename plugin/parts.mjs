// SPDX-License-Identifier: Apache-2.0
// What the programs are made of besides coffer's own code: npm packages, and what LevelDB's addon was compiled from.
// A part is { name, version, licence, purl, text }, with the text of its licence, and more for some.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const packagePlace = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;

/** Of a choice of licences, the one that is taken. */
const taken = { '(BSD-3-Clause OR GPL-2.0)': 'BSD-3-Clause' };

/** The text of a licence for a package that names its licence and has no file with it. */
const standardTexts = {
  ISC: (owner) => `ISC License

Copyright (c) ${owner}

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
`,
};

/** As package URLs have it: all is escaped but the colon, which Debian's versions have. */
export function escape(text) {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

function readJson(...place) {
  return JSON.parse(readFileSync(path.join(root, ...place), 'utf8'));
}

/** The licence files of a package one after the other, in the order of their names. */
function licenceText(place, name, licence) {
  const directory = path.join(root, place);
  const files = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice|unlicense)\b/i.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  if (files.length > 0) {
    return files.map((file) => readFileSync(path.join(directory, file), 'utf8')).join('\n');
  }
  const { author } = readJson(place, 'package.json');
  const owner = typeof author === 'string' ? author : author?.name;
  if (standardTexts[licence] === undefined || owner === undefined) {
    throw new Error(`${name} has no licence file, and its package.json does not say enough to make one`);
  }
  return standardTexts[licence](owner);
}

/** The places of the packages of which a bundle has at least a byte, by esbuild's description of the bundle. */
export function packagePlaces(inputs) {
  const places = Object.entries(inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([input]) => packagePlace.exec(input)?.[0] ?? []);
  return [...new Set(places)].sort();
}

/** The place of the package that `name` means to the one at `from`, as Node looks for it. */
function resolve(packages, from, name) {
  for (let directory = from; ; directory = directory.slice(0, directory.lastIndexOf('/node_modules/'))) {
    const place = `${directory}/node_modules/${name}`;
    if (packages[place] !== undefined) {
      return place;
    }
    if (!directory.includes('/node_modules/')) {
      const place = `node_modules/${name}`;
      return packages[place] === undefined ? undefined : place;
    }
  }
}

/** The npm packages of a bundle, in the order of their places; `uses` has the package URLs of those that each one calls. */
export function npmParts(inputs) {
  const { packages } = readJson('package-lock.json');
  const places = packagePlaces(inputs);
  const purlOf = (place) => {
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return `pkg:npm/${name.split('/').map(escape).join('/')}@${escape(packages[place].version)}`;
  };
  return places.map((place) => {
    const { version, license, integrity, dependencies = {}, optionalDependencies = {} } = packages[place];
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const licence = taken[license] ?? license;
    const uses = Object.keys({ ...dependencies, ...optionalDependencies })
      .map((other) => resolve(packages, place, other))
      .filter((other) => places.includes(other));
    return {
      name,
      version,
      licence,
      purl: purlOf(place),
      text: licenceText(place, name, licence),
      sha512: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex'),
      uses: [...new Set(uses.map(purlOf))].sort(),
    };
  });
}

/** What LevelDB's addon was compiled from. */
function addonParts() {
  const sources = path.join('node_modules', 'classic-level', 'deps');
  const versioned = readdirSync(path.join(root, sources, 'leveldb')).find((name) =>
    name.startsWith('leveldb-'),
  );
  const text = (...place) => readFileSync(path.join(root, sources, ...place), 'utf8');
  const version = versioned.slice('leveldb-'.length);
  const header = text('snappy', 'linux', 'snappy-stubs-public.h');
  const snappy = ['MAJOR', 'MINOR', 'PATCHLEVEL']
    .map((part) => new RegExp(`#define SNAPPY_${part} (\\d+)`).exec(header)?.[1])
    .join('.');
  return [
    {
      name: 'leveldb',
      version,
      licence: 'BSD-3-Clause',
      purl: `pkg:generic/leveldb@${version}`,
      text: text('leveldb', versioned, 'LICENSE'),
    },
    {
      name: 'snappy',
      version: snappy,
      licence: 'BSD-3-Clause',
      purl: `pkg:generic/snappy@${snappy}`,
      text: text('snappy', 'snappy', 'COPYING'),
    },
  ];
}

/** All that the daemon is made of besides coffer's own code, by esbuild's description of its bundle. */
export function daemonParts(inputs) {
  const addon = addonParts();
  const packages = npmParts(inputs).map((part) =>
    part.name === 'classic-level'
      ? { ...part, uses: [...part.uses, ...addon.map(({ purl }) => purl)] }
      : part,
  );
  return [...packages, ...addon];
}
