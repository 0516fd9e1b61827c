// SPDX-License-Identifier: Apache-2.0
// What is said to be in the programs and in the plugin is what is in them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { allComponents, type Bill, BILLS, fullName, readBill } from '../../support/bill-of-materials.ts';
import { builtFile, projectRoot } from '../../support/project.ts';

/** https://cyclonedx.org, version 1.5: the types of components that there are. */
const TYPES = new Set(['application', 'library', 'platform', 'file']);
const HASHES: Readonly<Record<string, RegExp>> = {
  'SHA-256': /^[0-9a-f]{64}$/,
  'SHA-512': /^[0-9a-f]{128}$/,
};
/** pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS, of which the namespace and the qualifiers may be missing. */
const PURL = /^pkg:(npm|deb|generic)(\/[\w%.~-]+){1,2}@[\w%.:~-]+(\?[a-z]+=[\w%.~-]+(&[a-z]+=[\w%.~-]+)*)?$/;

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function everything(bill: Bill): ReturnType<typeof allComponents> {
  return allComponents([bill.metadata.component, ...bill.components]);
}

/** What esbuild says that it has put into a program: "NAME VERSION INTEGRITY" for each package. */
function bundledPackages(inputsFile: string): readonly string[] {
  const inputs = readJson(builtFile(inputsFile, 'make build')) as Record<string, { bytesInOutput: number }>;
  const lock = readJson(path.join(projectRoot(), 'package-lock.json')) as {
    packages: Record<string, LockedPackage>;
  };
  const lines = Object.keys(inputs)
    .filter((input) => (inputs[input]?.bytesInOutput ?? 0) > 0 && input.includes('node_modules/'))
    .map((input) => {
      const words = input.split('/');
      const at = words.lastIndexOf('node_modules') + 1;
      const end = at + (words[at]?.startsWith('@') === true ? 2 : 1);
      const found = lock.packages[words.slice(0, end).join('/')];
      return `${words.slice(at, end).join('/')} ${found?.version} ${found?.integrity}`;
    });
  return [...new Set(lines)].sort();
}

for (const { place, inputs } of BILLS) {
  describe(place, () => {
    test('has the form of CycloneDX 1.5', () => {
      const bill = readBill(place);
      assert.deepEqual([bill.bomFormat, bill.specVersion, bill.version], ['CycloneDX', '1.5', 1]);
      assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      for (const component of everything(bill)) {
        const { 'bom-ref': ref, type, purl, hashes = [], licenses = [] } = component;
        assert.ok(TYPES.has(type) && component.name !== '', ref);
        for (const { alg, content } of hashes) {
          assert.match(content, HASHES[alg] ?? /^never$/, ref);
        }
        assert.ok(licenses.length <= 1, ref);
        if (type === 'file') {
          assert.equal(hashes.length, 1, ref);
        } else {
          assert.match(purl ?? '', PURL);
          assert.equal(ref, purl);
          assert.ok(component.version !== undefined && component.version !== '', ref);
        }
      }
    });

    test('names each part once, and says what calls what of these alone', () => {
      const bill = readBill(place);
      const refs = everything(bill).map((component) => component['bom-ref']);
      assert.deepEqual(refs.length, new Set(refs).size);
      const named = bill.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
      assert.deepEqual(
        named.filter((ref) => !refs.includes(ref)),
        [],
      );
      assert.ok(bill.dependencies[0]?.dependsOn.some((ref) => ref.startsWith('pkg:npm/tweetnacl@')));
    });

    test('names each npm package that is in the program, by what was locked, and no other', () => {
      const named = readBill(place)
        .components.filter(({ purl }) => purl?.startsWith('pkg:npm/'))
        .map((component) => {
          const digest = Buffer.from(component.hashes?.[0]?.content ?? '', 'hex').toString('base64');
          return `${fullName(component)} ${component.version} sha512-${digest}`;
        });
      const bundled = bundledPackages(inputs);
      assert.ok(bundled.some((line) => line.startsWith('valibot ')));
      assert.deepEqual(named.toSorted(), bundled);
    });
  });
}

describe('the bill of materials of the plugin', () => {
  const rootfs = path.join(projectRoot(), 'build', 'plugin', 'rootfs');

  test('names each file that works, with its digest', () => {
    const named = everything(readBill('build/sbom.cdx.json'))
      .filter(({ type }) => type === 'file')
      .map(({ name, hashes }) => `${name} ${hashes?.[0]?.content}`);
    const there = readdirSync(rootfs, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => !file.startsWith(path.join(rootfs, 'usr', 'share')))
      .map((file) => {
        const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
        return `${file.slice(rootfs.length)} ${digest}`;
      });
    assert.ok(there.length > 10);
    assert.deepEqual(named.toSorted(), there.toSorted());
  });

  test('has Node, the libraries within it, LevelDB and what comes from Debian, each with its version', () => {
    const about = readJson(path.join(rootfs, 'usr/lib/coffer/version.json')) as { node: string };
    const parts = everything(readBill('build/sbom.cdx.json'));
    const versionOf = (name: string): string => parts.find((part) => part.name === name)?.version ?? '';
    assert.equal(versionOf('node'), about.node);
    for (const name of ['openssl', 'v8', 'libuv', 'zlib', 'leveldb', 'snappy']) {
      assert.match(versionOf(name), /^\d+(\.\d+)+/, name);
    }
    for (const name of ['busybox-static', 'libc6', 'libgcc-s1', 'libstdc++6']) {
      assert.match(versionOf(name), /^(\d+:)?\d+[\w.+~-]+$/, name);
    }
  });

  test('lies in it as beside it', () => {
    assert.deepEqual(
      readFileSync(path.join(rootfs, 'usr/share/doc/coffer/sbom.cdx.json')),
      readFileSync(builtFile('build/sbom.cdx.json', 'make plugin')),
    );
  });
});
