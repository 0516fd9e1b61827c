// SPDX-License-Identifier: Apache-2.0
/** What the pages need besides themselves; the bundler makes it of `browser/` and the files beside it (build.mjs). */
declare module 'coffer:ui-assets' {
  export const script: string;
  export const style: string;
  export const icon: string;
}
