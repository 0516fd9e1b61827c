// SPDX-License-Identifier: Apache-2.0
// What others have made may be passed on, and goes with what its licence asks for.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { BILLS, fullName, licenceOf, readBill } from '../../support/bill-of-materials.ts';
import { builtFile, projectRoot } from '../../support/project.ts';

/** Licences of what is compiled or bundled into coffer's programs. */
const PERMISSIVE = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Unlicense',
];

/** Programs and libraries of their own, which lie beside them in the plugin as Debian has made them. */
const BESIDE: Readonly<Record<string, string>> = {
  'busybox-static': 'GPL-2.0-only',
  libc6: 'LGPL-2.1-or-later',
  'libgcc-s1': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'libstdc++6': 'GPL-3.0-or-later WITH GCC-exception-3.1',
};

const rootfs = path.join(projectRoot(), 'build', 'plugin', 'rootfs');
const LICENCES = [
  ['build/sbom.cdx.json', 'build/plugin/rootfs/usr/share/doc/coffer/THIRD-PARTY-LICENSES'],
  ['dist/coffer.cdx.json', 'dist/coffer.THIRD-PARTY-LICENSES'],
] as const;

/** What stands under each title of a file of licences, by the title: "NAME VERSION: LICENCE". */
function textsOf(file: string): ReadonlyMap<string, string> {
  const [, ...pieces] = readFileSync(builtFile(file, 'make plugin'), 'utf8').split(/^-{100}$/m);
  const texts = new Map<string, string>();
  for (let index = 0; index + 1 < pieces.length; index += 2) {
    texts.set(pieces[index]?.trim() ?? '', pieces[index + 1]?.trim() ?? '');
  }
  return texts;
}

test('each licence is one of those that are agreed to', () => {
  for (const { place } of BILLS) {
    const odd = readBill(place).components.filter((component) => {
      const licence = licenceOf(component);
      const beside = component.purl?.startsWith('pkg:deb/') === true;
      return beside ? BESIDE[component.name] !== licence : !PERMISSIVE.includes(licence);
    });
    assert.deepEqual(
      odd.map((component) => `${fullName(component)}: ${licenceOf(component)}`),
      [],
    );
  }
});

for (const [bill, file] of LICENCES) {
  test(`${path.basename(file)} of ${bill} has the text of each licence, and whose it is`, () => {
    const texts = textsOf(file);
    const { components } = readBill(bill);
    assert.deepEqual(
      [...texts.keys()].toSorted(),
      components.map((part) => `${fullName(part)} ${part.version}: ${licenceOf(part)}`).toSorted(),
    );
    for (const [title, text] of texts) {
      assert.match(text, /copyright|public domain/i, title);
      assert.ok(text.length > 400, `${title}: ${text}`);
    }
  });
}

describe('in the plugin', () => {
  test('each part of Debian says which source package it was built from, of which version', () => {
    for (const [title, text] of textsOf(LICENCES[0][1])) {
      const [name = ''] = title.split(' ');
      if (BESIDE[name] !== undefined) {
        assert.match(text, /"apt-get source [a-z0-9.+-]+=(\d+:)?\d[\w.+~-]+"/, title);
      }
    }
  });

  test('each part of Debian and Node has its papers where Debian has them', () => {
    for (const name of [...Object.keys(BESIDE), 'node', 'coffer']) {
      assert.ok(existsSync(path.join(rootfs, 'usr/share/doc', name, 'copyright')), name);
    }
  });

  test('each licence that these papers only name is there as a whole', () => {
    const directory = path.join(rootfs, 'usr/share/doc');
    const named = readdirSync(directory).flatMap((name) => {
      const copyright = path.join(directory, name, 'copyright');
      return [...readFileSync(copyright, 'utf8').matchAll(/\/usr\/share\/common-licenses\/[\w.-]*\w/g)];
    });
    assert.ok(named.length > 3);
    for (const [place] of named) {
      assert.ok(readFileSync(path.join(rootfs, place)).length > 4000, place);
    }
  });
});
