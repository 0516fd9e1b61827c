// SPDX-License-Identifier: Apache-2.0
// Counts the bytes of the buffers that a piece of code asks for.

export interface Metered<T> {
  readonly result: T;
  readonly allocated_bytes: number;
}

export interface AllocationMeter {
  measure<T>(run: () => T): Metered<T>;
  /** Also what others ask for meanwhile. */
  measureAsync<T>(run: () => Promise<T>): Promise<Metered<T>>;
  /** Gives Node its own functions back. */
  stop(): void;
}

const METERED = ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'from', 'concat'] as const;

/**
 * Stands in for the functions by which code of this project makes buffers, until `stop`. A view of memory that is there
 * already counts as nothing.
 */
export function meterAllocations(): AllocationMeter {
  const originals = METERED.map((name) => [name, Object.getOwnPropertyDescriptor(Buffer, name)] as const);
  let allocated_bytes = 0;
  for (const [name, original] of originals) {
    const make = original?.value as (...args: readonly unknown[]) => Buffer;
    const counting = (...args: readonly unknown[]): Buffer => {
      const made = make(...args);
      allocated_bytes += args[0] instanceof ArrayBuffer ? 0 : made.length;
      return made;
    };
    Object.defineProperty(Buffer, name, { ...original, value: counting });
  }
  return {
    measure: (run) => {
      allocated_bytes = 0;
      const result = run();
      return { result, allocated_bytes };
    },
    measureAsync: async (run) => {
      allocated_bytes = 0;
      const result = await run();
      return { result, allocated_bytes };
    },
    stop: () => {
      for (const [name, original] of originals) {
        Object.defineProperty(Buffer, name, { ...original });
      }
    },
  };
}
