// SPDX-License-Identifier: Apache-2.0
// The forms that several settings have. Each adds a sentence to `problems` for what is wrong, and the default stands in.
import path from 'node:path';
import { type SettingName, type SettingReader, SETTINGS } from './setting-list.ts';

/** An absolute path. */
export function readPath(name: SettingName, valueOf: SettingReader, problems: string[]): string {
  const fallback = SETTINGS[name].fallback ?? '/';
  const value = valueOf(name) ?? fallback;
  if (!path.isAbsolute(value)) {
    problems.push(`${name} is an absolute path, not ${JSON.stringify(value)}`);
    return fallback;
  }
  return path.normalize(value);
}

/** One of a few words. */
export function readChoice<Name extends SettingName, T extends string>(
  name: Name,
  choices: readonly T[],
  valueOf: SettingReader,
  problems: string[],
): T | (typeof SETTINGS)[Name]['fallback'] {
  const value = valueOf(name);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    problems.push(`${name} is one of ${choices.join(', ')}, not ${JSON.stringify(value)}`);
  }
  return choice ?? SETTINGS[name].fallback;
}

/** Whether it is on. */
export function readSwitch(name: SettingName, valueOf: SettingReader, problems: string[]): boolean {
  return readChoice(name, ['on', 'off'], valueOf, problems) === 'on';
}
