// SPDX-License-Identifier: Apache-2.0
// Volumes of secrets on a real engine, with coffer as a plugin that the engine manages.
import { volumeStories } from './stories/volume-stories.ts';

volumeStories('managed plugin');
