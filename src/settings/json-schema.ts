import { z } from 'zod';
import { infoOf } from '../setting.js';
import { fileSchemas } from './commands.js';
import type { FileKind } from './commands.js';

/** The JSON Schema (draft 7, which most editors support) of the settings files of a command. */
export function jsonSchemaOf(command: FileKind): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(fileSchemas[command], {
    target: 'draft-7', io: 'input', unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const info = infoOf(zodSchema);
      if (info !== undefined) jsonSchema.description = info.otherwise === undefined ? info.help : `${info.help} (default: ${info.otherwise})`;
      // Leave out JavaScript's limit of integers.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { $schema, title: `Settings of voc-seeds ${command}`, ...schema };
}
