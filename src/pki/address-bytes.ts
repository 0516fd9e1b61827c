// SPDX-License-Identifier: Apache-2.0
import { isIPv4, isIPv6 } from 'node:net';
import { invariant } from '../common/index.ts';

const GROUPS = 8;

/** The 4 or 16 bytes of an address in its usual text form, without a zone. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) {
    return Buffer.from(address.split('.').map(Number));
  }
  invariant(isIPv6(address) && !address.includes('%'), 'an address is one of IPv4 or IPv6');
  const [head = '', tail] = address.split('::');
  const first = bytesOf(head);
  const last = bytesOf(tail ?? '');
  return Buffer.from([...first, ...Array<number>(2 * GROUPS - first.length - last.length).fill(0), ...last]);
}

/** Of groups of hexadecimal digits, of which the last may be an IPv4 address. */
function bytesOf(groups: string): readonly number[] {
  return groups
    .split(':')
    .filter((group) => group !== '')
    .flatMap((group) => {
      if (group.includes('.')) {
        return group.split('.').map(Number);
      }
      const number = Number.parseInt(group, 16);
      return [number >> 8, number & 0xff];
    });
}
