// SPDX-License-Identifier: Apache-2.0
// Volumes of secrets on a real engine, with coffer as a plain process: a legacy plugin of the engine.
import { volumeStories } from './stories/volume-stories.ts';

volumeStories('plain process');
