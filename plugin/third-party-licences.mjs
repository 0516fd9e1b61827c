// SPDX-License-Identifier: Apache-2.0

const line = '-'.repeat(100);

function titleOf({ name, version, licence }) {
  return `${name} ${version}: ${licence}`;
}

/** Where the source of a part is to be had, for the licences that ask for it. */
function sourceOf({ name, version, source, copyright }) {
  return (
    `The files of ${name} are those of Debian's package of version ${version}, unchanged. Its source is Debian's source\n` +
    `package ${source} ("apt-get source ${source.replace(' ', '=')}"); Debian's archive of snapshots keeps each version\n` +
    `that was ever published. These files are programs and libraries of their own, which coffer's program is not made from.\n` +
    `What follows stands in ${copyright} too, and the licences that it names are in /usr/share/common-licenses/.\n\n`
  );
}

/** A file with the licences of all `parts` (parts.mjs), each with its whole text, after a list of them. */
export function thirdPartyLicences(parts) {
  const unique = [...new Map(parts.map((part) => [part.purl, part])).values()].sort((one, other) =>
    titleOf(one) < titleOf(other) ? -1 : 1,
  );
  const texts = unique.map((part) => {
    const source = part.source === undefined ? '' : sourceOf(part);
    return `${line}\n${titleOf(part)}\n${line}\n\n${source}${part.text.replaceAll('\r\n', '\n').trim()}\n`;
  });
  return [
    'coffer is under the Apache License 2.0, and has parts that others have made, under licences of their own:\n',
    `${unique.map((part) => `    ${titleOf(part)}`).join('\n')}\n`,
    ...texts,
  ].join('\n');
}
