import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The commands whose results have a report. */
export type ReportedCommand = 'generate' | 'localize' | 'faithfulness';

/** The command that has written a folder; `generate` unless it has the results of another one. */
export async function reportedCommand(folder: string): Promise<ReportedCommand> {
  for (const command of ['localize', 'faithfulness'] as const) {
    if (await stat(join(folder, `${command}.json`)).then((file) => file.isFile(), () => false)) return command;
  }
  return 'generate';
}
