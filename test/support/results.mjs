// SPDX-License-Identifier: Apache-2.0
// Counts what the tests report and writes it for a person to read.
import { styleText } from 'node:util';

const slowest_shown = 5;
/** A test that is quicker than this is not worth naming among the slowest. */
const slow_ms = 500;
const output_lines_shown = 60;
/** Of each failure, once more at the end: enough for its message and its causes. */
const error_lines_shown = 25;
const line_characters_max = 600;

function indent(text, width) {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(width));
}

function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** All results of a run. Sections that run side by side are each written in one piece. */
export class Results {
  #stream;
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  /** Why tests were skipped, and what tests told besides. */
  #skips = [];
  #told = [];
  #failures = [];
  #slow = [];
  #startedAt = performance.now();

  constructor(stream) {
    this.#stream = stream;
  }

  /** Opens the section of one test process. `live` shows each line at once, else all at the section's end. */
  section(title, live) {
    const lines = [];
    const startedAt = performance.now();
    const write = (line) => {
      if (live) {
        this.#write(`${line}\n`);
      } else {
        lines.push(line);
      }
    };
    write(this.#style('bold', title));
    // The tests and suites around the one that is reported, outermost first.
    const around = [];
    return {
      event: (event) => {
        if (event.type === 'test:start') {
          around.splice(event.nesting, around.length, { name: event.name, written: false });
        } else if (event.type === 'test:diagnostic') {
          // A seed, or a measurement: what a person needs to repeat what the test did.
          write(this.#style('dim', `  ${' '.repeat(event.nesting * 2)}  ${event.message}`));
          this.#told.push(event.message);
        } else if (event.type === 'test:dequeue') {
          if (live && this.#stream.isTTY) {
            this.#stream.write(`  ${' '.repeat(event.nesting * 2)}… ${event.name}\r`);
          }
        } else {
          this.#count(title, event, around.slice(0, event.nesting), write);
        }
      },
      end: ({ problems, output }) => {
        const failedHere = this.#failures.filter((failure) => failure.title === title).length;
        for (const problem of problems) {
          write(`  ${this.#style('red', '✗')} ${problem}`);
          this.#failed += 1;
          this.#failures.push({ title, name: problem });
        }
        if ((problems.length > 0 || failedHere > 0) && output.trim() !== '') {
          const tail = output.trimEnd().split('\n').slice(-output_lines_shown).join('\n');
          write(`    it printed:\n${indent(tail, 6)}`);
        }
        write(this.#style('dim', `  ${title} took ${duration(performance.now() - startedAt)}`));
        this.#write(lines.map((line) => `${line}\n`).join(''));
      },
    };
  }

  #count(title, event, around, write) {
    const lead = `  ${' '.repeat(event.nesting * 2)}`;
    const passed = event.type === 'test:pass';
    if (event.suite && passed) {
      return;
    }
    for (const [depth, suite] of around.entries()) {
      if (!suite.written) {
        suite.written = true;
        write(`  ${' '.repeat(depth * 2)}${suite.name}`);
      }
    }
    const name = [...around.map((suite) => suite.name), event.name].join(' > ');
    if (event.skip || event.todo) {
      this.#skipped += 1;
      this.#skips.push({ title, name, reason: event.reason ?? 'no reason given' });
      write(
        `${lead}${this.#style('yellow', '-')} ${event.name}  (${event.reason ?? (event.skip ? 'skipped' : 'to do')})`,
      );
    } else if (passed) {
      this.#passed += 1;
      this.#slow.push({ title, name, duration_ms: event.duration_ms });
      write(`${lead}${this.#style('green', '✓')} ${event.name}  (${duration(event.duration_ms)})`);
    } else if (!event.onlyChildFailed) {
      this.#failed += 1;
      this.#failures.push({ title, name, error: event.error });
      write(`${lead}${this.#style('red', '✗')} ${event.name}  (${duration(event.duration_ms)})`);
      write(indent(event.error ?? 'no error given', lead.length + 4));
    }
  }

  /** Says in one line why `files` could not run; where they are required, that is a failure. */
  skipFiles(line, files, required) {
    if (required) {
      this.fail(line);
    } else {
      this.#skipped += files;
      this.#write(`${this.#style('yellow', line)}\n`);
    }
  }

  /** Counts a failure that belongs to no test. */
  fail(line) {
    this.#failed += 1;
    this.#failures.push({ title: 'run', name: line });
    this.#write(`${this.#style('red', line)}\n`);
  }

  /** Writes the end of the report; true when all is well. */
  finish() {
    const slow = this.#slow.filter((test) => test.duration_ms >= slow_ms);
    slow.sort((a, b) => b.duration_ms - a.duration_ms);
    if (slow.length > 0) {
      this.#write('\nslowest:\n');
      for (const test of slow.slice(0, slowest_shown)) {
        this.#write(`  ${duration(test.duration_ms).padStart(7)}  ${test.title}: ${test.name}\n`);
      }
    }
    if (this.#failures.length > 0) {
      this.#write('\nfailed:\n');
      for (const failure of this.#failures) {
        this.#write(`  ${failure.title}: ${failure.name}\n`);
        if (failure.error !== undefined) {
          const lines = failure.error
            .split('\n')
            .filter((line) => !/^\s+at (async )?(node:|.*\(node:)/.test(line));
          this.#write(`${indent(lines.slice(0, error_lines_shown).join('\n'), 6)}\n`);
        }
      }
    }
    this.#writeInShort();
    this.#write(`\n${duration(performance.now() - this.#startedAt)}\n`);
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : '';
    this.#write(`${this.#passed} passed, ${this.#failed} failed${skipped}\n`);
    return this.#failed === 0;
  }

  /** All failures once more, a line or two each: where only the end of a long output is kept, none of them is lost. */
  #writeInShort() {
    if (this.#failures.length > 0) {
      this.#write('\nin short:\n');
    }
    for (const { error = '', name, title } of this.#failures) {
      const [reason = ''] = error.split('\n');
      const cause = /\[cause\]: (.*)/.exec(error)?.[1];
      const why = [reason, ...(cause === undefined ? [] : [`because of ${cause}`])].join(', ');
      this.#write(`  ${title}: ${name}\n${why === '' ? '' : `      ${why.slice(0, line_characters_max)}\n`}`);
    }
  }

  /** What came of it, for programs: how many, which failed, which were skipped and why, and what tests told besides. */
  summary() {
    return {
      passed: this.#passed,
      failed: this.#failed,
      skipped: this.#skipped,
      failures: this.#failures.map(({ title, name }) => ({ title, name })),
      skips: this.#skips,
      told: this.#told,
    };
  }

  #write(text) {
    // Overwrites what a terminal shows of the test that was running.
    this.#stream.write(this.#stream.isTTY ? text.replaceAll(/^(?=.|\n)/gm, '\u001b[2K') : text);
  }

  #style(format, text) {
    return this.#stream.isTTY ? styleText(format, text) : text;
  }
}
