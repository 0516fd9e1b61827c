// SPDX-License-Identifier: Apache-2.0
/** What must be there for the test to go on. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new Error(`not so: ${what}`);
  }
  return value;
}
