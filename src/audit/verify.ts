// SPDX-License-Identifier: Apache-2.0
// Whether lines are a whole chain, and if not, which line is the first that is not as it was written.
import { type ChainPosition, hashLine, NO_LINE } from './chain.ts';
import { type AuditRecord, decodeRecord } from './record.ts';

/** What became of a line. `torn`: the last one was being written when the file was read, or when the power went. */
export type ChainFault = 'edited' | 'missing' | 'reordered' | 'torn';

export interface ChainProblem {
  readonly fault: ChainFault;
  /** Counted from 1, over all that was read. */
  readonly line: number;
  /** One sentence. */
  readonly what: string;
}

export interface ChainReport {
  /** How many are whole, one after the other, from the beginning on. */
  readonly records: number;
  /** The first of them. */
  readonly first: AuditRecord | undefined;
  /** The last of them. */
  readonly last: AuditRecord | undefined;
  readonly problem: ChainProblem | undefined;
}

/** What others know of the chain: a line that has to be in it. */
export type KnownHead = ChainPosition;

export interface VerifyOptions {
  /** Whether these are all files that the daemon keeps: then none of them may be missing. */
  readonly isWholeLog?: boolean;
  readonly head?: KnownHead | undefined;
}

interface Seen {
  readonly record: AuditRecord;
  readonly hash: string;
}

/** Takes the lines of a log one after the other, the oldest first. */
export class ChainVerifier {
  readonly #options: VerifyOptions;
  #line = 0;
  #records = 0;
  #first: AuditRecord | undefined;
  #last: Seen | undefined;
  #lastButOne: AuditRecord | undefined;
  /** The oldest record that is kept, as the last rotation has said. */
  #keptFrom = 0;
  #hasHead = false;
  #problem: ChainProblem | undefined;
  /** Of two lines that do not fit, the one after them tells which was changed. */
  #doubt: Seen | undefined;
  /** A record that is missing may come later. */
  #missing: number | undefined;

  constructor(options: VerifyOptions = {}) {
    this.#options = options;
  }

  /** A line without its newline. Its first fault is kept; what comes after that only tells more of it. */
  add(line: string, isEnded = true): void {
    this.#line += 1;
    if (this.#problem !== undefined && this.#doubt === undefined && this.#missing === undefined) {
      return;
    }
    const record = decodeRecord(line);
    if (this.#problem !== undefined) {
      this.#explain(record);
    } else if (record === undefined) {
      this.#fail(isEnded ? 'edited' : 'torn', unreadable(this.#line, this.#last?.record.seq, isEnded));
    } else {
      this.#take({ record, hash: hashLine(line) });
    }
  }

  finish(): ChainReport {
    const problem = this.#problem ?? this.#missingBefore() ?? this.#missingHead();
    // Of two lines that do not fit, the first one had counted.
    const isOneLess = problem !== undefined && this.#records >= problem.line;
    return {
      records: isOneLess ? problem.line - 1 : this.#records,
      first: this.#first,
      last: isOneLess ? this.#lastButOne : this.#last?.record,
      problem,
    };
  }

  #take(seen: Seen): void {
    const what = this.#last === undefined ? beginning(seen.record) : undefined;
    if (what !== undefined) {
      this.#fail('missing', what);
    } else if (this.#last === undefined || this.#follows(this.#last, seen)) {
      this.#keep(seen);
    }
  }

  #follows(last: Seen, seen: Seen): boolean {
    const { chain, prev, seq } = seen.record;
    const before = last.record.seq;
    if (prev === last.hash) {
      if (seq === before + 1 && chain === last.record.chain) {
        return true;
      }
      this.#fail('edited', `record ${before + 1} has been changed: it says that it is record ${seq}`);
    } else if (chain !== last.record.chain || seq === before + 1) {
      this.#doubt = seen;
      this.#fail('edited', changed(before), this.#line - 1);
    } else if (seq > before + 1) {
      this.#missing = before + 1;
      this.#fail('missing', `${recordsOf(before + 1, seq - 1)} missing before record ${seq}`);
    } else {
      this.#fail('reordered', `record ${seq} stands after record ${before}`);
    }
    return false;
  }

  #keep(seen: Seen): void {
    const { record, hash } = seen;
    const { head } = this.#options;
    this.#records += 1;
    this.#first ??= record;
    this.#lastButOne = this.#last?.record;
    this.#last = seen;
    this.#keptFrom = record.from ?? this.#keptFrom;
    if (head !== undefined && record.seq === head.seq && record.chain === head.chain) {
      if (hash !== head.hash) {
        this.#fail('edited', `record ${head.seq} is not the one that was signed: it has been changed`);
      }
      this.#hasHead = true;
    }
  }

  /** What a line says of the fault before it. */
  #explain(record: AuditRecord | undefined): void {
    const doubtful = this.#doubt;
    if (doubtful !== undefined) {
      this.#doubt = undefined;
      if (record !== undefined && record.prev !== doubtful.hash) {
        this.#problem = { fault: 'edited', line: this.#line - 1, what: changed(doubtful.record.seq) };
      }
    } else if (record !== undefined && record.seq === this.#missing) {
      this.#problem = {
        fault: 'reordered',
        line: this.#problem?.line ?? this.#line,
        what: `record ${record.seq} stands after later ones`,
      };
      this.#missing = undefined;
    }
  }

  #missingBefore(): ChainProblem | undefined {
    const first = this.#first?.seq ?? 1;
    return this.#options.isWholeLog === true && first > Math.max(this.#keptFrom, 1)
      ? {
          fault: 'missing',
          line: 1,
          what: `${recordsOf(this.#keptFrom, first - 1)} missing at the beginning`,
        }
      : undefined;
  }

  #missingHead(): ChainProblem | undefined {
    const { head } = this.#options;
    if (head === undefined || this.#hasHead) {
      return undefined;
    }
    const last = this.#last?.record;
    const isOther = last !== undefined && last.chain !== head.chain;
    const what = isOther
      ? `this is another log than the one that was signed up to record ${head.seq}: that one is gone`
      : `the log was cut: it ends with record ${last?.seq ?? 0}, and was signed up to record ${head.seq}`;
    return { fault: 'missing', line: this.#line + 1, what };
  }

  #fail(fault: ChainFault, what: string, line: number = this.#line): void {
    this.#problem ??= { fault, line, what };
  }
}

/** As `ChainVerifier`, for lines that are all there. */
export function verifyChain(lines: Iterable<string>, options: VerifyOptions = {}): ChainReport {
  const verifier = new ChainVerifier(options);
  for (const line of lines) {
    verifier.add(line);
  }
  return verifier.finish();
}

/** Undefined for a record with which a log may begin: the first of all, or of a file, since older files are given up. */
function beginning({ event, prev, seq }: AuditRecord): string | undefined {
  if (event === 'rotate-file' || (seq === 1 && prev === NO_LINE)) {
    return undefined;
  }
  return seq === 1
    ? 'record 1 has been changed: it names a line before it'
    : `the records before record ${seq} are missing: no file begins with it`;
}

function unreadable(line: number, before: number | undefined, isEnded: boolean): string {
  const where = before === undefined ? `line ${line}` : `the line after record ${before}`;
  return isEnded ? `${where} is no record` : `${where} is not whole: it was being written`;
}

function changed(seq: number): string {
  return `record ${seq} is not what was written`;
}

function recordsOf(first: number, last: number): string {
  return first === last ? `record ${first} is` : `records ${first} to ${last} are`;
}
