// SPDX-License-Identifier: Apache-2.0
// The chain: each line names the hash of the one before, so that no line can be changed or taken out alone.
import { hash as digestOf, randomBytes } from 'node:crypto';
import { type AuditEvent, type AuditFields, type AuditRecord, encodeRecord } from './record.ts';

/** What stands in the place of a hash where no line goes before. */
export const NO_LINE = 'A'.repeat(43);

/** Where a chain has come to. */
export interface ChainPosition {
  readonly chain: string;
  /** Of the last line; 0 before the first one. */
  readonly seq: number;
  /** Of the last line. */
  readonly hash: string;
}

export interface ChainedLine {
  readonly record: AuditRecord;
  /** Without its newline. */
  readonly line: string;
}

/** SHA-256 of a line without its newline, in base64url. */
export function hashLine(line: string): string {
  return digestOf('sha256', line, 'base64url');
}

/** Lines as they stand in a file, each with its newline. */
export function textOf(lines: readonly ChainedLine[]): string {
  return lines.map(({ line }) => `${line}\n`).join('');
}

/** Where a new chain begins. */
export function newChain(): ChainPosition {
  return { chain: randomBytes(9).toString('base64url'), seq: 0, hash: NO_LINE };
}

/** Makes the lines of a chain, one after the other. */
export class Chain {
  #position: ChainPosition;

  constructor(position: ChainPosition) {
    this.#position = position;
  }

  get position(): ChainPosition {
    return this.#position;
  }

  append(event: AuditEvent, at_ms: number, node: string, fields: AuditFields): ChainedLine {
    const { chain, hash, seq: before } = this.#position;
    const seq = before + 1;
    const at = new Date(at_ms).toISOString();
    // The fields last: an object that grows behind a spread costs more than all the rest of a line.
    const record: AuditRecord = { seq, at, chain, node, event, prev: hash, ...fields };
    const line = encodeRecord(record);
    this.#position = { chain, seq, hash: hashLine(line) };
    return { record, line };
  }
}
