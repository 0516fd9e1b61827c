// SPDX-License-Identifier: Apache-2.0
import { KEY_ID_BYTES } from '../../../src/crypto/index.ts';
import type { Member } from '../cluster/cluster.ts';
import type { Violations } from './violations.ts';

/** Each record that a node has not lost is sealed under a key that its key file has. Damage puts back what it likes. */
export function checkKeysOnDisk({ damaged, lost, name, node }: Member, violations: Violations): void {
  if (damaged || lost !== undefined) {
    return;
  }
  const { ids } = node.keyFile;
  for (const [key, record] of node.disk.records) {
    // After the byte that tells the format.
    const id = record.toString('hex', 1, 1 + KEY_ID_BYTES);
    if (!ids.includes(id)) {
      const place = Buffer.from(key, 'latin1').toString('hex');
      violations.report(
        'no key is dropped that is needed',
        `${name} has no key ${id} for its record ${place}`,
      );
      return;
    }
  }
}
