// Prints the reference of all settings, docs/reference/settings.md, from their declarations:
//
//   npm run build && node scripts/docs/settings-reference.mjs > docs/reference/settings.md

import { settingsReference } from '../../dist/settings/reference.js';

process.stdout.write(settingsReference());
