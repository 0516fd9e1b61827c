// SPDX-License-Identifier: Apache-2.0
// What the pages do in the browser: bring the link's token, and follow a rotation.
import { followRotation } from './follow-rotation.ts';
import { signInByLink } from './sign-in.ts';

signInByLink();
followRotation();
