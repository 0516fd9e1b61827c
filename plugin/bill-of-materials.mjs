// SPDX-License-Identifier: Apache-2.0
// The bill of materials of a program or of the plugin, in the form of CycloneDX 1.5 (ECMA-424).
import { createHash } from 'node:crypto';

const fileHash = (sha256) => [{ alg: 'SHA-256', content: sha256 }];

/** A licence by its id, or an expression such as one with an exception. */
function licences(licence) {
  return licence.includes(' ') ? [{ expression: licence }] : [{ license: { id: licence } }];
}

function fileComponent({ place, sha256 }) {
  return { type: 'file', 'bom-ref': `file:${place}`, name: place, hashes: fileHash(sha256) };
}

/** CycloneDX has the scope of an npm package in a field of its own. */
function names(name) {
  const [scope, base] = name.split('/');
  return base === undefined ? { name } : { group: scope, name: base };
}

function component({ name, version, licence, purl, type = 'library', sha512, cpe, parts = [], files = [] }) {
  const inside = [...parts.map(component), ...files.map(fileComponent)];
  return {
    type,
    'bom-ref': purl,
    ...names(name),
    version,
    ...(sha512 === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: sha512 }] }),
    ...(licence === undefined ? {} : { licenses: licences(licence) }),
    ...(cpe === undefined ? {} : { cpe }),
    purl,
    ...(inside.length === 0 ? {} : { components: inside }),
  };
}

/** A UUID that is the same for the same content and no other (version 8 of RFC 9562). */
function serialNumber(content) {
  const digits = createHash('sha256').update(content).digest('hex');
  const variant = ((Number.parseInt(digits[16], 16) & 0b0011) | 0b1000).toString(16);
  const groups = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    variant + digits.slice(17, 20),
    digits.slice(20, 32),
  ];
  return `urn:uuid:${groups.join('-')}`;
}

/**
 * The bill as text. `about` names what it is of: { name, version, licence }; `files` are coffer's own
 * ({ place, sha256 }), `parts` what others
 * have made (parts.mjs), `uses` the names of those that coffer itself calls. It holds no time but `time_s`, if there is one
 * (in seconds since 1970), so the same content gives the same text.
 */
export function billOfMaterials({ about, files, parts, uses, time_s }) {
  const sorted = [...new Map(parts.map((part) => [part.purl, part])).values()].sort((one, other) =>
    one.purl < other.purl ? -1 : 1,
  );
  const top = `pkg:generic/${about.name}@${about.version}`;
  const content = {
    metadata: {
      ...(time_s === undefined ? {} : { timestamp: new Date(time_s * 1000).toISOString() }),
      lifecycles: [{ phase: 'build' }],
      component: component({ ...about, purl: top, type: 'application', files }),
    },
    components: sorted.map(component),
    dependencies: [
      { ref: top, dependsOn: sorted.filter(({ name }) => uses.includes(name)).map(({ purl }) => purl) },
      ...sorted
        .filter((part) => part.uses !== undefined)
        .map((part) => ({ ref: part.purl, dependsOn: part.uses })),
    ],
  };
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: serialNumber(JSON.stringify(content)),
    version: 1,
    ...content,
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}
