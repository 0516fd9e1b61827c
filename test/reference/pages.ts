// SPDX-License-Identifier: Apache-2.0
// The pages of docs/reference/, made of what the program itself goes by.
import { apiPage } from './api.ts';
import { commandPage } from './cli.ts';
import { labelPage } from './labels.ts';
import { metricPage } from './metrics.ts';
import { settingPage } from './settings.ts';

const NOTE = '<!-- Made by `make reference` from the code; a test compares both. Not for editing. -->\n\n';

/** Each page by its name. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const pages = {
    'api.md': apiPage(),
    'cli.md': await commandPage(),
    'labels.md': labelPage(),
    'metrics.md': await metricPage(),
    'settings.md': settingPage(),
  };
  return new Map(Object.entries(pages).map(([name, text]) => [name, NOTE + text]));
}
